"""Every error leaves the service as application/problem+json (RFC 9457), the framework's own included."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from exceptions import STATUS, PareError, status_of
from schemas import Problem, to_json

log = structlog.get_logger("pare.errors")
router = APIRouter()
CATALOGUE = "/errors"
CLIENT_CLOSED_REQUEST = 499


def problem(
    request: Request,
    status: int,
    code: str,
    title: str,
    detail: str,
    headers: dict[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """One problem document as a response that no cache keeps."""
    document = Problem(
        type=f"{CATALOGUE}#{code}",
        title=title,
        status=status,
        detail=detail,
        instance=request.url.path,
        code=code,
        request_id=request.scope.get("request_id"),
        **more,
    )
    return JSONResponse(
        to_json(document),
        status,
        {"Cache-Control": "no-store", **(headers or {})},
        media_type="application/problem+json",
    )


async def on_pare_error(request: Request, error: Exception) -> JSONResponse:
    """A refusal in the service's own words."""
    assert isinstance(error, PareError)
    row = status_of(error)
    more = dict(error.extensions)
    headers = {}
    if (seconds := more.pop("retry_after", None)) is not None:
        headers["Retry-After"] = str(seconds)
    if row.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="pare"'
    if row.status == 413:
        # The rest of the body is not read, so nothing else can follow on this connection.
        headers["Connection"] = "close"
    return problem(request, row.status, row.code, row.title, error.detail, headers, **more)


async def on_http_exception(request: Request, error: Exception) -> JSONResponse:
    """The framework's 404 and 405."""
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    headers = dict(error.headers or {})
    return problem(request, error.status_code, title.lower().replace(" ", "_"), title, str(error.detail), headers)


async def on_validation_error(request: Request, error: Exception) -> JSONResponse:
    """The framework's own check of parameters."""
    assert isinstance(error, RequestValidationError)
    errors = [{"pointer": "".join(f"/{part}" for part in e["loc"]), "detail": e["msg"]} for e in error.errors()]
    return problem(request, 400, "bad_request", "The request cannot be understood", errors[0]["detail"], errors=errors)


async def on_disconnect(request: Request, error: Exception) -> Response:
    """Nobody reads this; the status is for the access log."""
    return Response(status_code=CLIENT_CLOSED_REQUEST)


async def on_crash(request: Request, error: Exception) -> JSONResponse:
    """A bug: said plainly to the caller, in full to the log."""
    log.error("unhandled error", path=request.url.path, exc_info=error)
    return problem(request, 500, "internal_error", "Internal error", "this is a bug in the service; please report it")


def install(app: FastAPI) -> None:
    """Give the application its error answers."""
    app.add_exception_handler(PareError, on_pare_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(ClientDisconnect, on_disconnect)
    app.add_exception_handler(Exception, on_crash)


@router.get(CATALOGUE, include_in_schema=False)
async def catalogue() -> HTMLResponse:
    """What each problem `type` means."""
    sections = {
        row.code: f"<h2 id={row.code}>{row.code}</h2><p>{row.status} {row.title}</p>" for row in STATUS.values()
    }
    return HTMLResponse("<!doctype html><title>Errors</title><h1>Errors</h1>" + "".join(sections.values()))
