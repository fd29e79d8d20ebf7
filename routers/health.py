"""What operators ask: is it alive, is it ready, and what can it really do here."""

from typing import Any

from fastapi import APIRouter, Request

from exceptions import Unavailable
from routers.deps import Services, ServicesDep
from routers.documents import refusals
from routers.draining import refuse_while_draining

router = APIRouter(tags=["health"])
NOT_CONFIGURED = "not configured"


@router.head("/health", include_in_schema=False)
@router.get("/health", summary="Tools, formats and checks")
async def health(parts: ServicesDep) -> dict[str, Any]:
    """`ok` when every tool passed its self-test, and the store, the database and, where configured, Redis answer.

    Else `degraded`.
    """
    tools = {
        report.tool: {"available": report.available, "version": report.version, "self_test": report.works}
        for report in parts.reports
    }
    formats = {
        optimizer.spec.name: {
            "mime": optimizer.spec.mime,
            "extensions": optimizer.spec.extensions,
            "tools": optimizer.spec.tools,
            "works": all(tools[tool]["self_test"] for tool in optimizer.spec.tools),
        }
        for optimizer in parts.engine.formats
    }
    redis = await _redis(parts)
    storage = "up" if await parts.stores.default_answers() else "down"
    database = "up" if await parts.library.database.answers() else "down"
    return {
        "status": "ok"
        if "down" not in (redis, storage, database) and all(report.works for report in parts.reports)
        else "degraded",
        "service": parts.settings.service_name,
        "version": parts.settings.version,
        "tools": tools,
        "formats": formats,
        "checks": {"redis": redis, "storage": storage, "database": database},
        "isolation": _isolation(parts),
    }


def _isolation(parts: Services) -> dict[str, Any]:
    """What tools and workers are kept from: limits hold everywhere, the rest where the kernel knows how."""
    confinement = parts.launcher.confinement
    return {
        "rlimits": True,
        "landlock": confinement.landlock,
        "network": "denied" if confinement.no_network else "open",
    }


async def _redis(parts: Services) -> str:
    if not parts.settings.redis_url:
        return NOT_CONFIGURED
    return "up" if await parts.gate.public.storage_is_up() else "down"


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live", summary="The process answers")
async def live() -> dict[str, str]:
    """Says only that the loop turns."""
    return {"status": "ok"}


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready", summary="Images can be optimized", responses=refusals(503))
async def ready(request: Request, parts: ServicesDep) -> dict[str, str]:
    """503 while nothing can be optimized, and after SIGTERM."""
    refuse_while_draining(request.scope)
    if not any(report.works for report in parts.reports):
        raise Unavailable("no program that optimizes images works here")
    return {"status": "ok"}
