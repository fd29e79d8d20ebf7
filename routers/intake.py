"""From a request to a picture and a policy: multipart, raw or by URL, its bytes counted while they come."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from exceptions import BadRequest, InvalidOptions, PayloadTooLarge, UploadTimeout
from optimizers.base import Source
from optimizers.policy import Policy
from routers.connection import while_connected
from schemas import OptimizationOptions, RequestOptions, UrlRequest
from utils.url_fetch import Fetcher

FORM_OVERHEAD = 64 << 10
"""Bytes that a form's boundaries, headers and options may add to the file."""
JSON_LIMIT = 256 << 10
"""Bytes of a JSON body."""
ToPolicy = Callable[[OptimizationOptions], Policy]
Document = TypeVar("Document", bound=RequestOptions)


@dataclass(frozen=True, slots=True)
class Upload:
    """One picture and what its sender wishes."""

    source: Source
    policy: Policy
    spans: dict[str, float] = field(default_factory=dict)
    """Milliseconds spent in `fetch`."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What an estimate is asked for: a file, a URL, or several URLs."""

    policy: Policy
    data: bytes | None = None
    url: str | None = None
    urls: tuple[str, ...] = ()


class InMemoryParser(MultiPartParser):
    """Starlette's parser without temporary files: the byte limit bounds the memory."""

    spool_max_size = 1 << 40


async def read_upload(request: Request, max_bytes: int, seconds: int, to_policy: ToPolicy, fetcher: Fetcher) -> Upload:
    """Read the body as the form, URL or file it is, within `seconds`; fetching by URL has a limit of its own.

    Raises BadRequest, InvalidOptions, PayloadTooLarge, UploadTimeout, and what fetching does.
    """
    upload = await read_body(request, max_bytes, seconds, to_policy, UrlRequest)
    return upload if isinstance(upload, Upload) else await _fetch(request, upload, to_policy, fetcher)


async def read_body(
    request: Request, max_bytes: int, seconds: int, to_policy: ToPolicy, document: type[Document]
) -> Upload | Document:
    """The body as the file it is or, where it is JSON, as this document. Raises as `read_upload`, fetching apart."""
    try:
        async with asyncio.timeout(seconds):
            upload = await _read(request, max_bytes, to_policy, document)
    except TimeoutError:
        raise UploadTimeout(f"the body did not arrive within {seconds} s") from None
    if isinstance(upload, Upload) and not upload.source.data:
        raise BadRequest("the image is empty")
    return upload


async def _read(
    request: Request, max_bytes: int, to_policy: ToPolicy, document: type[Document]
) -> Upload | Document:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        source, options = await _read_form(request, max_bytes)
    elif kind == "application/json":
        return await _read_json(request, document)
    else:
        source, options = await _read_raw(request, max_bytes)
    return Upload(source, to_policy(options))


async def _read_json(request: Request, document: type[Document]) -> Document:
    if request.query_params:
        raise BadRequest("with a JSON body, options go into it, not into the query")
    return document.from_json(await _bytes(request, JSON_LIMIT))


async def _fetch(request: Request, wish: UrlRequest, to_policy: ToPolicy, fetcher: Fetcher) -> Upload:
    started = time.perf_counter()
    fetched = await while_connected(request, fetcher.fetch(wish.url))
    spans = {"fetch": (time.perf_counter() - started) * 1000}
    return Upload(Source(fetched.data, fetched.filename), to_policy(wish.optimization), spans)


async def _read_raw(request: Request, max_bytes: int) -> tuple[Source, OptimizationOptions]:
    query = request.query_params
    twice = [key for key, count in Counter(key for key, _ in query.multi_items()).items() if count > 1]
    if twice:
        raise InvalidOptions(f"/{twice[0]}: given twice", errors=[{"pointer": f"/{twice[0]}", "detail": "given twice"}])
    options = OptimizationOptions.from_query(query)
    return Source(await _bytes(request, max_bytes)), options


async def _read_form(request: Request, max_bytes: int) -> tuple[Source, OptimizationOptions]:
    if request.query_params:
        raise BadRequest("with a form, options go into its field 'options', not into the query")
    stream = _counted(request, max_bytes, FORM_OVERHEAD)
    parser = InMemoryParser(request.headers, stream, max_files=1, max_fields=1, max_part_size=FORM_OVERHEAD)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise BadRequest(f"the form cannot be read: {error.message}") from None
    except (KeyError, ValueError) as error:
        raise BadRequest("the form cannot be read") from error
    try:
        return await _form_parts(form, max_bytes)
    finally:
        await form.close()


async def _form_parts(form: FormData, max_bytes: int) -> tuple[Source, OptimizationOptions]:
    unknown = set(form) - {"file", "options"}
    if unknown:
        raise BadRequest(f"unknown form field: {min(unknown)!r}; expected 'file' and 'options'")
    file, options = form.get("file"), form.get("options", "{}")
    if not isinstance(file, UploadFile):
        raise BadRequest("the form needs a file in its field 'file'")
    if not isinstance(options, str):
        raise BadRequest("the form field 'options' is a JSON text, not a file")
    data = await file.read()
    if len(data) > max_bytes:
        raise _too_large(max_bytes, len(data))
    return Source(data, file.filename), RequestOptions.from_json(options).optimization


async def _bytes(request: Request, max_bytes: int) -> bytes:
    data = bytearray()
    async for chunk in _counted(request, max_bytes):
        data += chunk
    return bytes(data)


async def _counted(request: Request, max_bytes: int, overhead: int = 0) -> AsyncGenerator[bytes, None]:
    """The body's chunks; refuses at the declared length, or at the first byte past the limit for a file."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes + overhead:
        raise _too_large(max_bytes, int(declared))
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
        if total > max_bytes + overhead:
            raise _too_large(max_bytes, total)
        yield chunk


def _too_large(limit: int, actual: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"{actual:,} bytes; the limit is {limit:,}", limit=limit, actual=actual)
