"""From a request to a picture and a policy: multipart, raw or by URL."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from starlette.datastructures import FormData, QueryParams, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from exceptions import BadRequest, InvalidOptions
from optimizers.base import Source
from optimizers.policy import Policy
from routers.body import Body, too_large
from routers.connection import while_connected
from schemas import (
    QUALITY_HEADER,
    CompressOptions,
    EstimateRequest,
    OptimizationOptions,
    Quality,
    RequestOptions,
    StorageOptions,
    UrlRequest,
)
from utils.concurrency import Charge
from utils.url_fetch import Fetcher

FORM = "multipart/form-data"
FORM_OVERHEAD = 64 << 10
"""Bytes that a form's boundaries, headers and options may add to the file."""
JSON_LIMIT = 64 << 10
"""Bytes of a JSON body."""
URLS_LIMIT = 1 << 20
"""Bytes of a JSON body with many URLs, of which presigned ones are long."""
ToPolicy = Callable[[OptimizationOptions], Policy]
Document = TypeVar("Document", bound=RequestOptions)


@dataclass(frozen=True, slots=True)
class Upload:
    """One picture and what its sender wishes."""

    source: Source
    policy: Policy
    spans: dict[str, float] = field(default_factory=dict)
    """Milliseconds spent in `fetch`."""
    storage: StorageOptions | None = None


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What an estimate is asked for: a file, a URL, or several URLs."""

    policy: Policy
    charge: Charge
    """For the memory that fetching by URL takes."""
    data: bytes | None = None
    url: str | None = None
    urls: tuple[str, ...] = ()


class InMemoryParser(MultiPartParser):
    """Starlette's parser without temporary files: the byte limit bounds the memory."""

    spool_max_size = 1 << 40


async def read_upload(body: Body, to_policy: ToPolicy, fetcher: Fetcher) -> Upload:
    """Read the body as the form, URL or file it is.

    Raises BadRequest, InvalidOptions, what reading the body does, and what fetching does.
    """
    upload = await _read(body, to_policy, UrlRequest, JSON_LIMIT)
    return upload if isinstance(upload, Upload) else await _fetch(body, upload, to_policy, fetcher)


async def read_compress(body: Body, default_quality: Quality) -> Upload:
    """Read the body of POST /compress: the form, whose image is to be stored, or the file. Raises as `read_upload`."""
    qualities = body.request.headers.getlist(QUALITY_HEADER)
    given = {QUALITY_HEADER: ", ".join(qualities)} if qualities else {}
    in_form = kind_of(body) == FORM
    if in_form:
        source, background = await read_form(body, "image", "background")
        options = CompressOptions.from_strings(given if background is None else {**given, "background": background})
    else:
        options = CompressOptions.from_strings({**query_of(body), **given})
        source = Source(await body.read(body.limits.bytes))
    if not source.data:
        raise BadRequest("the image is empty")
    return Upload(source, options.to_policy(default_quality), storage=StorageOptions() if in_form else None)


def kind_of(body: Body) -> str:
    """The media type that the sender declares."""
    return body.request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_inquiry(body: Body, to_policy: ToPolicy) -> Inquiry:
    """The same for an estimate; what URLs lead to is not fetched yet."""
    read = await _read(body, to_policy, EstimateRequest, URLS_LIMIT)
    if isinstance(read, Upload):
        return Inquiry(read.policy, body.charge, data=read.source.data)
    return Inquiry(to_policy(read.optimization), body.charge, url=read.url, urls=tuple(read.urls or ()))


async def _read(body: Body, to_policy: ToPolicy, document: type[Document], limit: int) -> Upload | Document:
    kind = kind_of(body)
    if kind == FORM:
        source, options = await _read_form(body)
    elif kind == "application/json":
        return await _read_json(body, document, limit)
    else:
        source, options = await _read_raw(body)
    if not source.data:
        raise BadRequest("the image is empty")
    return Upload(source, to_policy(options.optimization), storage=options.storage)


async def _read_json(body: Body, document: type[Document], limit: int) -> Document:
    if body.request.query_params:
        raise BadRequest("with a JSON body, options go into it, not into the query")
    return document.from_json(await body.read(limit))


async def _fetch(body: Body, wish: UrlRequest, to_policy: ToPolicy, fetcher: Fetcher) -> Upload:
    started = time.perf_counter()
    fetched = await while_connected(body.request, fetcher.fetch(wish.url, body.charge))
    spans = {"fetch": (time.perf_counter() - started) * 1000}
    policy = to_policy(wish.optimization)
    return Upload(Source(fetched.data, fetched.filename), policy, spans, wish.storage)


async def _read_raw(body: Body) -> tuple[Source, RequestOptions]:
    options = RequestOptions(optimization=OptimizationOptions.from_query(query_of(body)))
    return Source(await body.read(body.limits.bytes)), options


def query_of(body: Body) -> QueryParams:
    """The options of a raw body. Raises InvalidOptions for one that is given twice."""
    query = body.request.query_params
    twice = [key for key, count in Counter(key for key, _ in query.multi_items()).items() if count > 1]
    if twice:
        raise InvalidOptions(f"/{twice[0]}: given twice", errors=[{"pointer": f"/{twice[0]}", "detail": "given twice"}])
    return query


async def _read_form(body: Body) -> tuple[Source, RequestOptions]:
    source, options = await read_form(body, "file", "options")
    return source, RequestOptions() if options is None else RequestOptions.from_json(options)


async def read_form(body: Body, file: str, text: str) -> tuple[Source, str | None]:
    """The one file of a form and its one text, under these names. Raises BadRequest, and what reading the body does."""
    source, texts = await read_fields(body, file, text)
    return source, texts.get(text)


async def read_fields(body: Body, file: str, *texts: str) -> tuple[Source, dict[str, str]]:
    """The one file of a form and those of its texts that are there. Raises BadRequest, and what reading does."""
    if body.request.query_params:
        raise BadRequest(f"with a form, options go into its field {texts[0]!r}, not into the query")
    stream = body.chunks(body.limits.bytes, FORM_OVERHEAD)
    parser = InMemoryParser(
        body.request.headers, stream, max_files=1, max_fields=len(texts), max_part_size=FORM_OVERHEAD
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise BadRequest(f"the form cannot be read: {error.message}") from None
    except (KeyError, ValueError) as error:
        raise BadRequest("the form cannot be read") from error
    try:
        return await _form_parts(form, body, file, texts)
    finally:
        await form.close()


async def _form_parts(form: FormData, body: Body, file: str, texts: Sequence[str]) -> tuple[Source, dict[str, str]]:
    unknown = set(form) - {file, *texts}
    if unknown:
        expected = " and ".join(map(repr, (file, *texts)))
        raise BadRequest(f"unknown form field: {min(unknown)!r}; expected {expected}")
    image, words = form.get(file), {name: value for name in texts if (value := form.get(name)) is not None}
    if not isinstance(image, UploadFile):
        raise BadRequest(f"the form needs a file in its field {file!r}")
    if upload := next((name for name, value in words.items() if not isinstance(value, str)), None):
        raise BadRequest(f"the form field {upload!r} is a text, not a file")
    data = await image.read()
    if len(data) > body.limits.bytes:
        raise too_large(body.limits.bytes, len(data))
    return Source(data, image.filename), {name: str(value) for name, value in words.items()}
