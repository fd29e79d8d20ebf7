"""GET /api/v1/health…: the library's parts, its numbers, and the jobs that failed. Open, so nobody is named."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from exceptions import Unavailable
from library.repository import jobs
from library.repository.jobs import Workers
from library.repository.leases import COMPLETED, FAILED, PENDING, PROCESSING, RETRYING
from routers.deps import Services, ServicesDep
from routers.documents import refusals
from routers.library_answers import stamp

router = APIRouter(prefix="/api/v1/health", tags=["health"])
NOBODY = Workers(0, 0)


@router.head("", include_in_schema=False)
@router.get("", summary="Whether the library works")
async def health(parts: ServicesDep) -> dict[str, Any]:
    """`degraded` where the database, the store or, where configured, Redis is down, or no worker is alive.

    Uploads are accepted without a worker; they wait for one.
    """
    settings = parts.settings
    workers = await _workers(parts)
    redis = "not configured"
    if settings.redis_url:
        redis = "up" if await parts.gate.public.storage_is_up() else "down"
    checks = {
        "database": "down" if workers is None else "up",
        "storage": "up" if await parts.stores.default_answers() else "down",
        "redis": redis,
        "workers": "up" if workers and workers.active else "down",
        "tokens": "up" if parts.gate.tokens else "not configured",
    }
    return {
        "status": "degraded" if "down" in checks.values() else "ok",
        "service": settings.service_name,
        "version": settings.version,
        "checks": checks,
        "celery": _celery(workers or NOBODY),
    }


@router.get("/stats", summary="The library's numbers", responses=refusals(503))
async def stats(parts: ServicesDep) -> dict[str, Any]:
    """Jobs by state, the last day's speed, what is kept, who works."""
    async with parts.library.database.reading() as session:
        counts = await jobs.statuses(session)
        lately = await jobs.last_day(session)
        images = await jobs.image_count(session)
        workers = await jobs.workers(session)
    states = (COMPLETED, PENDING, PROCESSING, RETRYING, FAILED)
    return {
        "status_breakdown": {state: counts.get(state, 0) for state in states},
        "performance_24h": {
            "completed_24h": lately.completed,
            "avg_processing_time_seconds": round(lately.average_seconds or 0.0, 3),
        },
        "storage": {"total_images": images, "total_jobs": sum(counts.values())},
        "celery": _celery(workers),
    }


@router.get("/failed", summary="Jobs that failed", responses=refusals(400, 503))
async def failed(parts: ServicesDep, limit: Annotated[int, Query(ge=1, le=1000)] = 50) -> dict[str, Any]:
    """The latest first."""
    async with parts.library.database.reading() as session:
        found = await jobs.failed(session, limit)
    told = [
        {
            "job_id": job.job_id,
            "image_id": job.image_id,
            "error": job.last_error,
            "attempts": job.attempt_count,
            "created_at": stamp(job.created_at),
            "completed_at": stamp(job.completed_at) if job.completed_at else None,
        }
        for job in found
    ]
    return {"failed_jobs": told, "count": len(told)}


def _celery(workers: Workers) -> dict[str, int]:
    return {"active_workers": workers.active, "active_tasks": workers.tasks}


async def _workers(parts: Services) -> Workers | None:
    """None where the database is away."""
    try:
        async with parts.library.database.reading() as session:
            return await jobs.workers(session)
    except Unavailable:
        return None
