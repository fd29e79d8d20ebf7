"""Addresses of GET /images, signed where the service asks for it."""

import base64
import hashlib
import hmac
from urllib.parse import quote


def image_url(
    path: str,
    *,
    base_url: str = "",
    key: str = "",
    key_id: str = "",
    expires: int | None = None,
    **query: str | int | float,
) -> str:
    """The address of an image: `image_url("shop/cup.jpg", base_url=…, key=…, w=300, format="auto")`.

    `key` is one of the service's SIGNING_KEY, `key_id` its id where it has one; `expires` is a time in Unix seconds.
    """
    given = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in query.items()}
    given |= {"exp": str(expires)} if expires is not None else {}
    given |= {"kid": key_id} if key_id else {}
    pairs = "&".join(sorted(f"{_quoted(name)}={_quoted(value)}" for name, value in given.items()))
    canonical = f"/images/{quote(path, safe='/~')}" + (f"?{pairs}" if pairs else "")
    if key:
        digest = hmac.digest(key.encode(), canonical.encode(), hashlib.sha256)
        signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        canonical += f"{'&' if pairs else '?'}sig={signature}"
    return base_url.rstrip("/") + canonical


def _quoted(text: str) -> str:
    return quote(text, safe="~")
