"""POST /api/v1/batches and what follows: thousands of images under one set of options, by a user's token."""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from exceptions import InvalidOptions, Missing
from library.batch_desk import Order
from library.library import Library
from library.objects import Place
from library.repository import batches
from library.tables import Batch, BatchItem
from routers.accept import prefers
from routers.batch_estimate import Inquest, estimated
from routers.deps import OrderDep, Services, ServicesDep, UserDep
from routers.documents import ALWAYS, TOKEN, reference, refusals
from routers.library_answers import known_id, private, stamp
from routers.library_models import MAX_ITEMS, BatchAccepted, BatchAnswer, BatchEstimate, BatchRequest

router = APIRouter(prefix="/api/v1/batches", tags=["library"])
NDJSON, CSV = "application/x-ndjson", "text/csv"
COLUMNS = (
    "position",
    "source",
    "status",
    "attempts",
    "error",
    "original_size",
    "optimized_size",
    "reduction_percent",
    "original_format",
    "optimized_format",
    "method",
    "reason",
    "quality_used",
    "score",
    "width",
    "height",
    "url",
)
"""Of a receipt, in either form."""
OWN = frozenset({"staging", "processed", "batches"})
"""Folders of the library, wherever they lie: what is in them may be another user's."""
REFUSALS = refusals(401, 404, 409, 429, 503)
BATCH_ID = Annotated[str, Path(description="As POST /api/v1/batches told it.")]


@router.post(
    "",
    summary="Make thousands of images smaller",
    status_code=202,
    response_model=BatchAccepted,
    responses={202: {"headers": ALWAYS}, **refusals(400, 401, 404, 408, 413, 422, 429, 502, 503, 504)},
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": reference(BatchRequest)}}},
        "security": TOKEN,
    },
)
async def create(parts: ServicesDep, user: UserDep, wish: OrderDep) -> JSONResponse:
    """By URLs, or by the folder of a bucket. Results go to `batches/` of the bucket; each image has a receipt."""
    if wish.callback_url is not None:
        parts.callbacks.check(wish.callback_url)
    policy = wish.optimization.to_policy(parts.settings.default_quality)
    sources = await _sources(parts, wish)
    estimate = await estimated(Inquest(parts, policy, wish.bucket if wish.urls is None else None), sources)
    options = wish.optimization.model_dump(mode="json", exclude_unset=True)
    order = Order(user, wish.bucket, sources, wish.prefix, options, estimate.model_dump(), wish.callback_url)
    batch = await parts.batches.enter(order)
    place = f"{router.prefix}/{batch.batch_id}"
    told = BatchAccepted(batch_id=batch.batch_id, status_url=place, estimate=estimate)
    return private(told, 202, {"Location": place})


@router.get(
    "/{batch_id}",
    summary="How far a batch is",
    response_model=BatchAnswer,
    responses=REFUSALS,
    openapi_extra={"security": TOKEN},
)
async def status(batch_id: BATCH_ID, parts: ServicesDep, user: UserDep) -> JSONResponse:
    """How many of its images are in which state."""
    return await _told(parts, await _own(parts, user, batch_id))


@router.post(
    "/{batch_id}/pause",
    summary="Let nothing else of a batch begin",
    response_model=BatchAnswer,
    responses=REFUSALS,
    openapi_extra={"security": TOKEN},
)
async def pause(batch_id: BATCH_ID, parts: ServicesDep, user: UserDep) -> JSONResponse:
    """What has begun ends."""
    return await _told(parts, await parts.batches.pause(user, known_id(batch_id)))


@router.post(
    "/{batch_id}/resume",
    summary="Let a batch go on",
    response_model=BatchAnswer,
    responses=REFUSALS,
    openapi_extra={"security": TOKEN},
)
async def resume(batch_id: BATCH_ID, parts: ServicesDep, user: UserDep) -> JSONResponse:
    """Where it was paused."""
    return await _told(parts, await parts.batches.resume(user, known_id(batch_id)))


@router.post(
    "/{batch_id}/cancel",
    summary="End a batch",
    response_model=BatchAnswer,
    responses=REFUSALS,
    openapi_extra={"security": TOKEN},
)
async def cancel(batch_id: BATCH_ID, parts: ServicesDep, user: UserDep) -> JSONResponse:
    """What is done stays; what waits never begins."""
    return await _told(parts, await parts.batches.cancel(user, known_id(batch_id)))


@router.get(
    "/{batch_id}/receipts",
    summary="What was made of each image",
    response_class=Response,
    responses={
        200: {"content": {NDJSON: {"schema": {"type": "string"}}, CSV: {"schema": {"type": "string"}}}},
        **refusals(401, 404, 429, 503),
    },
    openapi_extra={"security": TOKEN},
)
async def receipts(batch_id: BATCH_ID, request: Request, parts: ServicesDep, user: UserDep) -> Response:
    """One line for each image, in the order in which they were given; CSV where `Accept` prefers it."""
    batch = await _own(parts, user, batch_id)
    rows = _rows(parts.library, batch)
    if prefers(request.headers.get("accept", ""), CSV, over=NDJSON):
        return StreamingResponse(_csv(rows), media_type=CSV, headers={"Vary": "Accept"})
    return StreamingResponse(_lines(rows), media_type=NDJSON, headers={"Vary": "Accept"})


async def _sources(parts: Services, wish: BatchRequest) -> list[str]:
    """URLs that look like such, or the keys in the folder. Raises UrlRefused, InvalidOptions, InvalidKey."""
    if wish.urls is not None:
        for url in wish.urls:
            parts.fetcher.check(url)
        return wish.urls
    assert wish.prefix is not None
    found: list[str] = []
    async for info in parts.library.objects.store(wish.bucket).list(_folder(wish.prefix)):
        if len(found) == MAX_ITEMS:
            raise _wrong(f"has more than {MAX_ITEMS:,} objects", limit=MAX_ITEMS)
        if OWN.isdisjoint(info.key.split("/")):
            found.append(info.key)
    if not found:
        raise Missing("there are no objects in that folder")
    return found


def _folder(prefix: str) -> str:
    if not OWN.isdisjoint(prefix.split("/")):
        raise _wrong("is a folder of the library's own")
    return prefix.lstrip("/")


def _wrong(detail: str, **more: int) -> InvalidOptions:
    return InvalidOptions(f"/prefix: {detail}", errors=[{"pointer": "/prefix", "detail": detail}], **more)


async def _own(parts: Services, user: str, batch_id: str) -> Batch:
    name = known_id(batch_id)
    async with parts.library.database.reading() as session:
        batch = await batches.batch_of(session, user, name)
    if batch is None:
        raise Missing("there is no such batch")
    return batch


async def _told(parts: Services, batch: Batch) -> JSONResponse:
    async with parts.library.database.reading() as session:
        counts = await batches.progress(session, batch.batch_id)
    over = sum(counts.get(state, 0) for state in ("completed", "failed", "cancelled"))
    told = BatchAnswer(
        batch_id=batch.batch_id,
        status=batch.status,
        total=batch.total,
        items=counts,
        done_percent=round(100 * over / batch.total, 1),
        estimate=BatchEstimate(**batch.estimate),
        receipts_url=f"{router.prefix}/{batch.batch_id}/receipts",
        created_at=stamp(batch.created_at),
        started_at=stamp(batch.started_at) if batch.started_at else None,
        completed_at=stamp(batch.completed_at) if batch.completed_at else None,
    )
    return private(told)


async def _rows(library: Library, batch: Batch) -> AsyncIterator[dict[str, Any]]:
    """Receipts, read piece by piece while they are sent."""
    after = -1
    while True:
        async with library.database.reading() as session:
            piece = await batches.receipts(session, batch.batch_id, after)
        if not piece:
            return
        for item in piece:
            yield await _row(library, item)
        after = piece[-1].position


async def _row(library: Library, item: BatchItem) -> dict[str, Any]:
    receipt: Mapping[str, Any] = item.receipt
    own = {
        "position": item.position,
        "source": item.source,
        "status": item.status,
        "attempts": item.attempt_count,
        "error": item.last_error,
    }
    url = await library.objects.url(Place(receipt["bucket"], receipt["path"])) if receipt else None
    return {name: {**receipt, **own, "url": url}.get(name) for name in COLUMNS}


async def _lines(rows: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    async for row in rows:
        yield json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


async def _csv(rows: AsyncIterator[dict[str, Any]]) -> AsyncIterator[str]:
    line = io.StringIO()
    writer = csv.DictWriter(line, COLUMNS)
    writer.writeheader()
    async for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    if line.getvalue():
        yield line.getvalue()


def _cell(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
