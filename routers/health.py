"""What operators ask: is it alive, is it ready, and what can it really do here."""

from typing import Any

from fastapi import APIRouter, Response

from routers.deps import Services, ServicesDep
from routers.problems import RETRY_AFTER_SECONDS

router = APIRouter(tags=["health"])


@router.get("/health", summary="Tools, formats and checks")
async def health(parts: ServicesDep) -> dict[str, Any]:
    """`ok` when every tool passed its self-test and Redis, where configured, and the store answer; else `degraded`."""
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
    return {
        "status": "ok"
        if "down" not in (redis, storage) and all(report.works for report in parts.reports)
        else "degraded",
        "service": parts.settings.service_name,
        "version": parts.settings.version,
        "tools": tools,
        "formats": formats,
        "checks": {"redis": redis, "storage": storage},
    }


async def _redis(parts: Services) -> str:
    if not parts.settings.redis_url:
        return "not configured"
    return "up" if await parts.gate.public.storage_is_up() else "down"


@router.get("/health/live", summary="The process answers")
async def live() -> dict[str, str]:
    """Says only that the loop turns."""
    return {"status": "ok"}


@router.get("/health/ready", summary="Images can be optimized")
async def ready(parts: ServicesDep, response: Response) -> dict[str, str]:
    """503 while nothing can be optimized."""
    usable = any(report.works for report in parts.reports)
    if not usable:
        response.status_code = 503
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return {"status": "ok" if usable else "unavailable"}
