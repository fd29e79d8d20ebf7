"""The form of an upload to the library: one file, and texts beside it."""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exceptions import BadRequest, InvalidOptions
from optimizers.base import Source
from routers.body import Body
from routers.intake import read_fields

TEXTS = ("bucket", "metadata", "callback_url")
METADATA_BYTES = 16 << 10


@dataclass(frozen=True, slots=True)
class LibraryForm:
    """What a user sends."""

    source: Source
    bucket: str
    context: Mapping[str, Any] | None
    callback_url: str | None


async def read_library_form(body: Body) -> LibraryForm:
    """Read the form. Raises BadRequest, InvalidOptions, and what reading the body does."""
    source, texts = await read_fields(body, "file", *TEXTS)
    if not source.data:
        raise BadRequest("the image is empty")
    return LibraryForm(
        Source(source.data, plain(source.filename or "")),
        texts.get("bucket", ""),
        _context(texts["metadata"]) if "metadata" in texts else None,
        texts.get("callback_url"),
    )


def plain(name: str) -> str:
    """A sender's file name without what no database has to hold."""
    return "".join(sign for sign in name if unicodedata.category(sign)[0] != "C")[:255]


def _context(text: str) -> Mapping[str, Any]:
    """A JSON object that can be told again. Raises InvalidOptions."""
    try:
        found = json.loads(text)
        size = len(json.dumps(found, allow_nan=False, ensure_ascii=False).encode())
    except (ValueError, RecursionError):
        raise _wrong("has to be JSON") from None
    if not isinstance(found, dict):
        raise _wrong("has to be a JSON object")
    if size > METADATA_BYTES:
        raise _wrong(f"has more than {METADATA_BYTES:,} bytes")
    return found


def _wrong(detail: str) -> InvalidOptions:
    return InvalidOptions(f"/metadata: {detail}", errors=[{"pointer": "/metadata", "detail": detail}])
