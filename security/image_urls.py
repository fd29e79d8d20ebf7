"""Signed image URLs: HMAC-SHA256 over the canonical path and query, with keys that have ids and can be rotated.

What is signed is the text `/images/PATH?QUERY`: the path percent-encoded except for unreserved characters and slashes
(RFC 3986), the query's pairs encoded alike and sorted, `exp` and `kid` among them and `sig` not. Without a query the
question mark goes, too. `sig` is base64url without padding.

    signed_image_url("shop/cup.jpg", {"w": "300"}, "SECRET", expires=1800000000)
    '/images/shop/cup.jpg?exp=1800000000&w=300&sig=…'
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from exceptions import SignatureRefused

IMAGES = "/images/"
SIGNATURE, EXPIRY, KEY_ID = "sig", "exp", "kid"


@dataclass(frozen=True, slots=True)
class UrlKey:
    """One secret that signs; with an id, signatures can say that it was this one."""

    secret: str = field(repr=False)
    id: str = ""

    @classmethod
    def parsed(cls, text: str) -> "UrlKey":
        """A key as `SIGNING_KEY` lists it: `SECRET` or `ID:SECRET`."""
        name, colon, secret = text.partition(":")
        return cls(secret, name) if colon else cls(text)


def signed_image_url(
    path: str, query: Mapping[str, str], key: str, key_id: str = "", expires: int | None = None
) -> str:
    """The path and query of a signed GET /images: `path` names an object, `expires` is a time in Unix seconds."""
    times = {} if expires is None else {EXPIRY: str(expires)}
    pairs = list({**query, **times, **({KEY_ID: key_id} if key_id else {})}.items())
    canonical = canonical_url(path, pairs)
    return f"{canonical}{'&' if pairs else '?'}{SIGNATURE}={_signature(key, canonical)}"


def canonical_url(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    """What is signed of a URL, given as an object's key and the decoded pairs of its query."""
    query = "&".join(sorted(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs if name != SIGNATURE))
    return f"{IMAGES}{quote(path, safe='/~')}" + (f"?{query}" if query else "")


def check_signature(path: str, pairs: Sequence[tuple[str, str]], keys: Sequence[UrlKey], now: float) -> None:
    """Raises SignatureRefused for a URL without a signature by one of the keys, or past its time."""
    given = [value for name, value in pairs if name == SIGNATURE]
    if not given:
        raise SignatureRefused("images are served by signed URLs only: the URL has no sig")
    named = dict(pairs).get(KEY_ID, "")
    canonical = canonical_url(path, pairs)
    # Every key is tried, whatever the first one says: the time tells neither which nor how nearly.
    right = sum(
        hmac.compare_digest(_signature(key.secret, canonical).encode(), given[0].rstrip("=").encode())
        for key in keys
        if not named or key.id == named
    )
    if not right or len(given) > 1:
        raise SignatureRefused("the URL's signature is wrong")
    if not all(_lies_ahead(value, now) for name, value in pairs if name == EXPIRY):
        raise SignatureRefused("the URL has expired")


def _lies_ahead(text: str, now: float) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12 and int(text) > now


def _signature(secret: str, canonical: str) -> str:
    digest = hmac.digest(secret.encode(), canonical.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _quoted(text: str) -> str:
    return quote(text, safe="~")
