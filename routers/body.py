"""A request's body while it arrives: counted, paid for, and never slower than it may be."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from fastapi import Request

from exceptions import PayloadTooLarge, UploadTimeout
from utils.concurrency import Charge

GRACE_SECONDS = 5.0
"""How long a body may pause, and what it may be behind the least rate."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """The largest body and the slowest: bytes, seconds in all, bytes a second."""

    bytes: int
    seconds: float
    rate: float


class Body:
    """The body of one request."""

    def __init__(self, request: Request, limits: BodyLimits, charge: Charge) -> None:
        self.request = request
        self.limits = limits
        self.charge = charge

    async def read(self, limit: int) -> bytes:
        """All of it. Raises what `chunks` does."""
        data = bytearray()
        async for chunk in self.chunks(limit):
            data += chunk
        return bytes(data)

    async def chunks(self, limit: int, overhead: int = 0) -> AsyncGenerator[bytes, None]:
        """Piece by piece, up to `limit` bytes and what a form adds to them.

        Raises PayloadTooLarge at the declared length, else at the first byte past the limit; UploadTimeout; Busy.
        """
        declared = self.request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit + overhead:
            raise too_large(limit, int(declared))
        now, total, stream = asyncio.get_running_loop().time, 0, self.request.stream()
        end, due = now() + self.limits.seconds, now() + GRACE_SECONDS
        while chunk := await self._before(min(end, due), stream):
            due = min(due + len(chunk) / self.limits.rate, now() + GRACE_SECONDS)
            total += len(chunk)
            if total > limit + overhead:
                raise too_large(limit, total)
            self.charge(len(chunk))
            yield chunk

    async def _before(self, deadline: float, stream: AsyncGenerator[bytes, None]) -> bytes:
        try:
            async with asyncio.timeout_at(deadline):
                return await anext(stream, b"")
        except TimeoutError:
            slowest = f"{self.limits.rate:,.0f} bytes a second, {self.limits.seconds:g} s in all"
            raise UploadTimeout(f"the body arrived too slowly; the least is {slowest}") from None


def too_large(limit: int, actual: int) -> PayloadTooLarge:
    """The refusal of a file of so many bytes."""
    return PayloadTooLarge(f"{actual:,} bytes; the limit is {limit:,}", limit=limit, actual=actual)
