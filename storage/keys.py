"""What an object may be called: one set of rules for every store, and the templates of `path`."""

import re
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

from exceptions import InvalidKey

MAX_KEY_BYTES = 1024
"""S3's and Google's own limit."""
MAX_SEGMENT_BYTES = 255
"""A file system's limit for one name."""
MAX_NAME = 100
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
SEPARATORS = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's control characters, lone surrogates, line and paragraph separators."""


def check_key(key: str) -> str:
    """The key itself. Raises InvalidKey for one that a store, a proxy or a file system could take for another."""
    text = key
    while (decoded := unquote(text)) != text:
        # Harmless however often somebody on the way decodes it.
        _check(text)
        text = decoded
    _check(text)
    return key


def is_key(name: str) -> bool:
    """Whether an object that others put there could be asked for by its name."""
    try:
        return bool(check_key(name))
    except InvalidKey:
        return False


def check_prefix(prefix: str) -> str:
    """A folder's key without the slash at its end; empty for everything. Raises InvalidKey."""
    return check_key(prefix.removesuffix("/")) if prefix else ""


def _check(key: str) -> None:
    if any(unicodedata.category(character) in SEPARATORS for character in key):
        raise InvalidKey("the key has a control character")
    if "\\" in key:
        raise InvalidKey("the key has a backslash")
    if len(key.encode()) > MAX_KEY_BYTES:
        raise InvalidKey(f"the key is longer than {MAX_KEY_BYTES} bytes")
    for segment in key.split("/"):
        if segment in ("", ".", ".."):
            raise InvalidKey(f"the key has a part that is {segment or 'empty'!r}")
        if len(segment.encode()) > MAX_SEGMENT_BYTES:
            raise InvalidKey(f"a part of the key is longer than {MAX_SEGMENT_BYTES} bytes")


def quoted(key: str) -> str:
    """The key as a URL's path: all but unreserved characters and slashes percent-encoded (RFC 3986)."""
    return quote(key, safe="/~")


def expand(template: str, *, digest: str, filename: str | None, extension: str) -> str:
    """A key from a template: `{hash}`, `{name}` (the sender's file name without extension), `{ext}`."""
    values = {"hash": digest, "name": plain_name(filename), "ext": extension}

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise InvalidKey(f"{match[0]} is not one of {{hash}}, {{name}}, {{ext}}")
        return values[match[1]]

    return check_key(PLACEHOLDER.sub(value, template))


def plain_name(filename: str | None) -> str:
    """The sender's file name without folders and extension, in letters, digits, `-`, `_` and `.`."""
    stem = PurePosixPath((filename or "").replace("\\", "/")).stem
    return re.sub(r"[^\w.-]+", "-", stem, flags=re.ASCII).strip("-.")[:MAX_NAME] or "image"


def served_at(bucket: str, key: str) -> str:
    """The path at which this service itself serves an object that no store of its own has an address for."""
    return f"/storage/{quoted(bucket)}/{quoted(key)}"
