"""Rows of the library as answers of /api/v1."""

import uuid
from collections.abc import Mapping
from datetime import datetime

from fastapi.responses import JSONResponse
from pydantic import BaseModel

from exceptions import InvalidOptions, Missing
from library.library import Library
from library.objects import Place
from library.tables import READY, Asset, Job, StoredRendition
from routers.library_models import (
    Dimensions,
    ImageAnswer,
    ImageMetadata,
    JobAnswer,
    VariantAnswer,
    VariantFacts,
)


def private(told: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer for the one who asked: no cache keeps it."""
    return JSONResponse(told.model_dump(mode="json"), status, {**(headers or {}), "Cache-Control": "no-store"})


def known_id(text: str) -> str:
    """An id as the tables have it. Raises Missing for what never was one."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise Missing("there is no such thing") from None


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def job_answer(job: Job) -> JobAnswer:
    """How far it is."""
    return JobAnswer(
        job_id=job.job_id,
        image_id=job.image_id,
        status=job.status,
        created_at=stamp(job.created_at),
        completed_at=stamp(job.completed_at) if job.completed_at else None,
        error=job.last_error,
        attempts=job.attempt_count,
        variants_done=list(job.processed_paths or job.processing_metadata.get("variants_done", ())),
    )


async def image_answer(asset: Asset, library: Library) -> ImageAnswer:
    """Everything of a whole image."""
    assert asset.state == READY
    return ImageAnswer(
        image_id=asset.id,
        urls={row.preset: await _url(row, library) for row in asset.renditions},
        metadata=ImageMetadata(
            dominant_color=asset.dominant_color,
            original_dimensions=Dimensions(width=asset.original_width, height=asset.original_height),
            placeholder=asset.placeholder,
            variants={row.preset: _facts(row) for row in asset.renditions},
        ),
        context=asset.context,
    )


async def variant_answer(asset: Asset, size: str, library: Library) -> VariantAnswer:
    """One picture of it. Raises InvalidOptions."""
    row = variant(asset, size)
    return VariantAnswer(
        image_id=asset.id,
        size=row.preset,
        url=await _url(row, library),
        width=row.width,
        height=row.height,
        format=row.format,
        size_bytes=row.size_bytes,
    )


def variant(asset: Asset, size: str) -> StoredRendition:
    """The picture of that name. Raises InvalidOptions where there is none."""
    for row in asset.renditions:
        if row.preset == size:
            return row
    names = ", ".join(row.preset for row in asset.renditions)
    raise InvalidOptions(f"/size: not one of {names}", errors=[{"pointer": "/size", "detail": f"not one of {names}"}])


async def _url(row: StoredRendition, library: Library) -> str:
    return await library.objects.url(Place(row.bucket, row.object_key))


def _facts(row: StoredRendition) -> VariantFacts:
    return VariantFacts(
        width=row.width,
        height=row.height,
        aspect_ratio=round(row.width / row.height, 4),
        format=row.format,
        size_bytes=row.size_bytes,
    )
