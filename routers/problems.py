"""Every error leaves the service as application/problem+json (RFC 9457), the framework's own included."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exceptions import STATUS, PareError, Status, status_of
from schemas import Problem, TinifyProblem, to_json

log = structlog.get_logger("pare.errors")
router = APIRouter()
CATALOGUE = "/errors"
CLIENT_CLOSED_REQUEST = 499
RETRY_AFTER_SECONDS = 2
"""Said with a refusal that passes by itself and does not know when."""
BUG = Status(500, "internal_error", "Internal error")
FRAMEWORK = (Status(404, "not_found", "Not Found"), Status(405, "method_not_allowed", "Method Not Allowed"), BUG)
"""Rows of the catalogue that no PareError has."""
TINIFY = re.compile("/(shrink|output)(/.*)?")
"""Paths whose callers expect errors in Tinify's shape."""
TINIFY_WORDS = {"rate_limited": "TooManyRequests", "unknown_format": "Unsupported media type"}
"""Where Tinify's own word is known to be another."""


def document(request: Request, status: int, code: str, title: str, detail: str, **more: Any) -> Problem:
    """What a problem says."""
    return Problem(
        type=f"{CATALOGUE}#{code}",
        title=title,
        status=status,
        detail=detail,
        instance=request.url.path,
        code=code,
        request_id=request.scope.get("request_id"),
        **more,
    )


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
    headers = {"Cache-Control": "no-store", **(headers or {})}
    if TINIFY.fullmatch(request.url.path):
        return JSONResponse(to_json(TinifyProblem(error=tinify_word(code), message=detail)), status, headers)
    return JSONResponse(
        to_json(document(request, status, code, title, detail, **more)),
        status,
        headers,
        media_type="application/problem+json",
    )


def tinify_word(code: str) -> str:
    """The word for a code in the style of Tinify's errors, such as `BadRequest`."""
    return TINIFY_WORDS.get(code) or "".join(part.capitalize() for part in code.split("_"))


async def on_pare_error(request: Request, error: Exception) -> JSONResponse:
    """A refusal in the service's own words."""
    assert isinstance(error, PareError)
    row = status_of(error)
    more = dict(error.extensions)
    headers = {}
    seconds = more.pop("retry_after", RETRY_AFTER_SECONDS)
    if row.status in (429, 503) or "retry_after" in error.extensions:
        headers["Retry-After"] = str(seconds)
    if row.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="pare"'
    if row.status in (408, 413):
        # The rest of the body is not read, so nothing else can follow on this connection.
        headers["Connection"] = "close"
    return problem(request, row.status, row.code, row.title, error.detail, headers, **more)


async def on_http_exception(request: Request, error: Exception) -> JSONResponse:
    """The framework's 404 and 405."""
    assert isinstance(error, HTTPException)
    title = HTTPStatus(error.status_code).phrase
    headers = dict(error.headers or {})
    if methods := documented_methods(request):  # the framework's `Allow` knows one route of several
        headers |= {"Allow": methods} if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else {}
    return problem(request, error.status_code, title.lower().replace(" ", "_"), title, str(error.detail), headers)


def documented_methods(request: Request) -> str:
    """What the request's path answers to; empty where the document does not know it."""
    app: FastAPI = request.app
    path = getattr(request.scope.get("route"), "path", "")
    return ", ".join(sorted(method.upper() for method in app.openapi()["paths"].get(path, {})))


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
    return problem(request, *BUG, "this is a bug in the service; please report it")


@dataclass(frozen=True)
class CrashAnswers:
    """Answers a bug from within the other wrappers, so that a 500 has its id, headers and log line like any answer.

    The framework's own handler for Exception stands outside of them all.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, send_watched)
        except Exception as error:
            if started or scope["type"] != "http":
                raise
            answer = await on_crash(Request(scope), error)
            await answer(scope, receive, send)


def install(app: FastAPI) -> None:
    """Give the application its error answers."""
    app.add_exception_handler(PareError, on_pare_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(ClientDisconnect, on_disconnect)


@router.get(CATALOGUE, include_in_schema=False)
async def catalogue() -> HTMLResponse:
    """What each problem `type` means."""
    rows = (*STATUS.values(), *FRAMEWORK)
    sections = {row.code: f"<h2 id={row.code}>{row.code}</h2><p>{row.status} {row.title}</p>" for row in rows}
    return HTMLResponse("<!doctype html><title>Errors</title><h1>Errors</h1>" + "".join(sections.values()))
