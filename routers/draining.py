"""After SIGTERM: nobody new is let in, what runs finishes, kept connections are told to go elsewhere."""

import asyncio
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exceptions import Unavailable
from routers.server import Connection

DRAINING = "draining"
"""Key of the lifespan's state under which the server says that it ends."""
LINGER_SECONDS = 1.0
"""How long an idle connection stays open: a request that crosses the end on its way gets an answer."""


class LingeringConnection(Connection):
    """A connection that outlives the first sign of the end: uvicorn's would lose what its client is just sending."""

    def shutdown(self) -> None:
        self.app_state[DRAINING].set()
        self.loop.call_later(LINGER_SECONDS, self._end)

    def _end(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()


def is_draining(scope: Scope) -> bool:
    """Whether the server that handles this request is about to end."""
    flag: asyncio.Event | None = scope.get("state", {}).get(DRAINING)
    return flag is not None and flag.is_set()


def refuse_while_draining(scope: Scope) -> None:
    """Raises Unavailable once the server is about to end."""
    if is_draining(scope):
        raise Unavailable("the service is shutting down")


@dataclass(frozen=True)
class CloseWhileDraining:
    """Makes every answer the last one of its connection."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start" and is_draining(scope):
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        await self.app(scope, receive, send_last if scope["type"] == "http" else send)
