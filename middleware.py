"""Pure ASGI wrappers around every request: an id, security headers, one log line."""

import re
import time
import uuid
from dataclasses import dataclass
from urllib.parse import unquote_plus

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from utils.metrics import observe_request
from utils.trace_context import trace_of

WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
SERVER_ERROR = 500
"""What the server answers where the application does not."""
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
ANSWER_HEADERS = "pare.answer_headers"
"""Key of the scope under which a guard leaves headers for whatever the answer will be."""
VARIES = "pare.varies"
"""Key of the scope under which a guard names request headers on which whatever the answer will be depends."""
TICKET = "pare.ticket"
"""Key of the scope under which `?ticket=` is found."""
log = structlog.get_logger("pare.access")


def set_ticket_aside(scope: Scope) -> Scope:
    """The scope with the ticket out of the query, which spans and others repeat."""
    rest, ticket = [], None
    for part in scope.get("query_string", b"").split(b"&"):
        name, _, value = part.decode("latin-1").partition("=")
        if unquote_plus(name) == "ticket":
            ticket = unquote_plus(value)
        else:
            rest.append(part)
    return scope if ticket is None else {**scope, "query_string": b"&".join(rest), TICKET: ticket}


@dataclass(frozen=True)
class RequestContext:
    """Gives each request an id (the caller's, if well formed), binds it to the log, counts it, and writes one line."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if WELL_FORMED_ID.fullmatch(given) else str(uuid.uuid4())
        scope["request_id"] = request_id
        trace = trace_of(headers)
        context = {"request_id": request_id, **(trace._asdict() if trace else {})}
        started, status = time.perf_counter(), SERVER_ERROR

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(**context):
            try:
                await self.app(scope, receive, send_with_id)
            finally:
                seconds = time.perf_counter() - started
                observe_request(scope["method"], getattr(scope.get("route"), "path", None), status, seconds)
                milliseconds = round(seconds * 1000, 1)
                log.info(
                    "request", method=scope["method"], path=scope["path"], status=status, milliseconds=milliseconds
                )


@dataclass(frozen=True)
class CommonHeaders:
    """Adds what every answer carries, and what a guard left in the scope, unless the answer has its own."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (SECURITY_HEADERS | scope.get(ANSWER_HEADERS, {})).items():
                    headers.setdefault(name, value)
                for name in scope.get(VARIES, ()):
                    headers.add_vary_header(name)
            await send(message)

        await self.app(scope, receive, send_guarded if scope["type"] == "http" else send)
