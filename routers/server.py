"""The server's end of one HTTP/1.1 connection, where uvicorn's leaves two things open.

Who sends a request and never reads the answer would keep it in memory for ever, and who sends half a request line would
keep the connection. Both are held to a least speed here. What is no HTTP is answered like every other error.
"""

import asyncio
import json
import uuid
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from exceptions import BadRequest, status_of
from middleware import SECURITY_HEADERS
from routers.problems import CATALOGUE
from schemas import Problem, to_json

TICK_SECONDS = 10.0
LEAST_TAKEN = 320 << 10
"""Bytes that a client has to take in a tick: 32 KiB a second. What the kernel holds of an answer is taken."""
HEADERS = {"Content-Type": "application/problem+json", "Cache-Control": "no-store", "Connection": "close"}


class Connection(H11Protocol):
    """Ends when its client neither reads nor asks."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self._before: tuple[object, int] = (self.cycle, 0)
        self._timer = self.loop.call_later(TICK_SECONDS, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._timer.cancel()
        super().connection_lost(exc)

    def _tick(self) -> None:
        (cycle, unread), left = self._before, self.transport.get_write_buffer_size()
        self._before = self.cycle, left
        waiting = self.cycle is None or self.cycle.response_complete
        stuck = left > max(0, unread - LEAST_TAKEN) if unread else waiting and not left
        if stuck and self.cycle is cycle:
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(TICK_SECONDS, self._tick)

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong in the service's own shape, unless an answer has begun."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = json.dumps(self._problem(msg)).encode()
            headers = SECURITY_HEADERS | HEADERS | {"Content-Length": str(len(body))}
            start = h11.Response(status_code=400, headers=list(headers.items()), reason=b"Bad Request")
            for event in (start, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _problem(self, detail: str) -> dict[str, Any]:
        row = status_of(BadRequest(detail))
        return to_json(
            Problem(
                type=f"{CATALOGUE}#{row.code}",
                title=row.title,
                status=row.status,
                detail=detail,
                instance=self.scope["path"] if self.conn.our_state is h11.SEND_RESPONSE else "",
                code=row.code,
                request_id=str(uuid.uuid4()),
            )
        )
