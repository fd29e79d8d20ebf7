"""POST /estimate: what POST /optimize would do, without doing it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from estimation.heuristics import LEVEL, Estimate, total_of
from exceptions import PareError, status_of
from optimizers.prediction import HEAD_BYTES, Head
from routers.connection import while_connected
from routers.deps import InquiryDep, Services, ServicesDep
from routers.documents import FILE, SECURITY, query_options, reference, refusals
from routers.intake import Inquiry
from routers.optimize import FORM
from routers.problems import document
from schemas import (
    EstimateAnswer,
    EstimateRequest,
    EstimatesAnswer,
    EstimateTotal,
    IntervalAnswer,
    UrlEstimate,
)

router = APIRouter(tags=["optimize"])
AT_ONCE = 8
"""URLs of one request that are fetched side by side."""
BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": FORM},
        "application/json": {"schema": reference(EstimateRequest)},
        "application/octet-stream": {"schema": FILE},
    },
}


@router.post(
    "/estimate",
    summary="Tell how much smaller an image would get",
    response_model=EstimateAnswer | EstimatesAnswer,
    responses=refusals(400, 401, 408, 413, 415, 422, 429, 502, 503, 504),
    openapi_extra={"parameters": query_options(), "requestBody": BODY, "security": SECURITY},
)
async def estimate(request: Request, parts: ServicesDep, inquiry: InquiryDep) -> Response:
    """Send what you would send to `/optimize`, or as JSON up to 100 `urls`, of which the first 64 kB are fetched.

    Of a large file its first 64 kB will do, with `Content-Range: bytes 0-65535/SIZE`: the interval is then wider.
    """
    if inquiry.urls:
        return JSONResponse(await while_connected(request, _many(request, parts, inquiry)))
    if inquiry.url is not None:
        return JSONResponse(told(await while_connected(request, _by_url(parts, inquiry, inquiry.url))))
    assert inquiry.head is not None
    found = await while_connected(request, parts.estimator.of_head(inquiry.head, inquiry.policy))
    if inquiry.head.whole:
        parts.estimated.remember(inquiry.head.data, inquiry.policy, found.reduction)
    return JSONResponse(told(found))


async def _by_url(parts: Services, inquiry: Inquiry, url: str) -> Estimate:
    """By the first bytes alone. Raises PareError."""
    fetched = await parts.fetcher.fetch(url, inquiry.charge, HEAD_BYTES)
    return await parts.estimator.of_head(Head(fetched.data, fetched.size), inquiry.policy)


async def _many(request: Request, parts: Services, inquiry: Inquiry) -> dict[str, Any]:
    """Each URL by itself: one that fails costs the others nothing."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(url: str) -> Estimate | PareError:
        async with turns:
            try:
                return await _by_url(parts, inquiry, url)
            except PareError as error:
                return error

    found = await asyncio.gather(*map(one, inquiry.urls))
    entries = [_entry(request, url, result) for url, result in zip(inquiry.urls, found, strict=True)]
    total = _total([result for result in found if isinstance(result, Estimate)], len(inquiry.urls))
    return EstimatesAnswer(estimates=entries, total=total).model_dump(mode="json")


def _entry(request: Request, url: str, found: Estimate | PareError) -> UrlEstimate:
    if isinstance(found, Estimate):
        return UrlEstimate(url=url, estimate=_model(found))
    row = status_of(found)
    return UrlEstimate(url=url, problem=document(request, *row, found.detail, **found.extensions))


def told(found: Estimate) -> dict[str, Any]:
    """The estimate as JSON values."""
    return _model(found).model_dump(mode="json")


def _model(found: Estimate) -> EstimateAnswer:
    low, high = found.interval
    return EstimateAnswer(
        original_size=found.original_size,
        original_format=found.original_format,
        width=found.width,
        height=found.height,
        frames=found.frames,
        estimated_size=round(found.expected.size),
        estimated_format=found.chosen,
        estimated_reduction_percent=found.reduction,
        interval=IntervalAnswer(low=low, high=high, level=LEVEL),
        confidence=found.confidence,
        already_optimized=found.already_optimized,
        method=found.expected.method,
        formats=dict(found.conversions),
    )


def _total(found: Sequence[Estimate], asked: int) -> EstimateTotal:
    total = total_of(found)
    low, high = total.interval
    return EstimateTotal(
        images=asked,
        failed=asked - len(found),
        original_size=total.original_size,
        estimated_size=round(total.size),
        estimated_reduction_percent=total.reduction,
        interval=IntervalAnswer(low=low, high=high, level=LEVEL),
    )
