"""`sign`: an image's URL with a signature."""

import time
from collections.abc import Sequence

from commands.exits import Exit, Wrong
from commands.workbench import settings
from delivery.parameters import wishes_of
from exceptions import PareError
from parts import image_rules
from security.image_urls import UrlKey, signed_image_url


async def sign(path: str, query: Sequence[str], expires_in: int | None, key_id: str | None) -> Exit:
    """Print it; what the service would refuse is not signed."""
    known = settings()
    pairs = [_pair(text) for text in query]
    try:
        wishes_of(pairs, image_rules(known))
    except PareError as error:
        raise Wrong(error.detail) from None
    key = _key([UrlKey.parsed(text) for text in known.signing_keys], key_id)
    expires = None if expires_in is None else int(time.time()) + expires_in
    print(signed_image_url(path.removeprefix("/images/").lstrip("/"), dict(pairs), key.secret, key.id, expires))
    return Exit.OK


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Wrong(f"{text!r} is no parameter: write name=value")
    return name, value


def _key(keys: Sequence[UrlKey], name: str | None) -> UrlKey:
    if not keys:
        raise Wrong("SIGNING_KEY is empty: URLs need no signature")
    found = next((key for key in keys if name is None or key.id == name), None)
    if found is None:
        raise Wrong(f"SIGNING_KEY has no secret called {name!r}")
    return found
