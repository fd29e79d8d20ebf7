"""Leaves a service that failed alone for a while, so that it costs one slow call and not every one."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from prometheus_client import Gauge

T = TypeVar("T")
BREAKER_SECONDS = 5.0
"""How long a service is left alone after it failed."""
log = structlog.get_logger("pare.breaker")


class Failing(Exception):
    """The service failed just now, or failed a short while ago and was not asked."""


class Breaker:
    """Stands between callers and one service; `outage` is what the log says when it fails."""

    def __init__(self, outage: str, is_open: Gauge, seconds: float) -> None:
        self._outage = outage
        self._is_open = is_open
        self._seconds = seconds
        self._resume_at = 0.0

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """The result of the work, which has so many seconds. Raises Failing."""
        if time.monotonic() < self._resume_at:
            raise Failing
        try:
            async with asyncio.timeout(self._seconds):
                result = await work()
        except Exception as error:
            # Whatever it does (down, hung, another type under the key, nonsense): callers are not its victims.
            self._resume_at = time.monotonic() + BREAKER_SECONDS
            self._is_open.set(1)
            log.warning(self._outage, error=type(error).__name__, seconds=BREAKER_SECONDS)
            raise Failing from error
        self._is_open.set(0)
        return result
