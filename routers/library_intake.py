"""The form of an upload to the library: one file, and texts beside it."""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from exceptions import BadRequest, InvalidOptions
from optimizers.base import Source
from routers.body import Body, too_large
from routers.intake import FORM_OVERHEAD, InMemoryParser

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
    stream = body.chunks(body.limits.bytes, FORM_OVERHEAD)
    parser = InMemoryParser(
        body.request.headers, stream, max_files=1, max_fields=len(TEXTS), max_part_size=FORM_OVERHEAD
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise BadRequest(f"the form cannot be read: {error.message}") from None
    except (KeyError, ValueError) as error:
        raise BadRequest("the form cannot be read") from error
    try:
        texts = _texts(dict(form.multi_items()))
        return LibraryForm(
            await _file(form.get("file"), body.limits.bytes),
            texts.get("bucket", ""),
            _context(texts["metadata"]) if texts.get("metadata") else None,
            texts.get("callback_url") or None,
        )
    finally:
        await form.close()


def _texts(fields: Mapping[str, UploadFile | str]) -> dict[str, str]:
    unknown = set(fields) - {"file", *TEXTS}
    if unknown:
        raise BadRequest(f"unknown form field: {min(unknown)!r}; expected 'file', {', '.join(map(repr, TEXTS))}")
    texts = {name: value for name, value in fields.items() if name != "file"}
    for name, value in texts.items():
        if not isinstance(value, str):
            raise BadRequest(f"the form field {name!r} is a text, not a file")
    return {name: str(value) for name, value in texts.items()}


async def _file(image: UploadFile | str | None, limit: int) -> Source:
    if not isinstance(image, UploadFile):
        raise BadRequest("the form needs a file in its field 'file'")
    data = await image.read()
    if not data:
        raise BadRequest("the image is empty")
    if len(data) > limit:
        raise too_large(limit, len(data))
    return Source(data, plain(image.filename or ""))


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
