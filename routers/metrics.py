"""GET /metrics: what Prometheus scrapes."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from exceptions import Unauthorized, Unavailable
from routers.deps import ServicesDep
from routers.documents import refusals
from security.auth import ApiKeys, credential_of
from utils.metrics import CONTENT_TYPE, exposition

router = APIRouter(tags=["health"])


@router.head("/metrics", include_in_schema=False)
@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=PlainTextResponse,
    responses=refusals(401, 503),
)
def metrics(request: Request, parts: ServicesDep) -> Response:
    """Prometheus text over all server processes; with `METRICS_TOKEN` set it has to be the bearer token."""
    # Not async: with several processes it reads files, which no other request shall wait for.
    token = parts.settings.metrics_token.get_secret_value()
    if token and not ApiKeys([token]).knows(credential_of(request.headers) or ""):
        raise Unauthorized("the metrics token is missing or wrong")
    try:
        return Response(exposition(), media_type=CONTENT_TYPE)
    except (OSError, ValueError, RuntimeError) as error:
        raise Unavailable("the metrics of the server processes cannot be read") from error
