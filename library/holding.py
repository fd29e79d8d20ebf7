"""Work under a lease: kept up while it goes on, ended when it is lost or takes too long; and which errors pass."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from exceptions import (
    Busy,
    PareError,
    SourceFailed,
    StorageTimeout,
    StorageUnavailable,
    ToolKilled,
    ToolTimeout,
    Unavailable,
)
from library.repository.leases import BEAT_SECONDS, LeaseLost

Renew = Callable[[], Awaitable[None]]
"""Raises LeaseLost."""
PASSING = (Busy, StorageTimeout, StorageUnavailable, ToolKilled, Unavailable, OSError)
"""Errors that are nobody's fault and may be gone at the next try."""
SERVER_ERROR = 500
log = structlog.get_logger("pare.jobs")


@asynccontextmanager
async def holding(renew: Renew, seconds: float) -> AsyncIterator[None]:
    """Everything in it ends with LeaseLost when the lease is lost, with ToolTimeout after so many seconds."""
    lost = False

    async def keep_up() -> None:
        nonlocal lost
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await renew()
            except LeaseLost:
                lost = True
                clock.reschedule(asyncio.get_running_loop().time())
                return
            except Unavailable:  # for a while the old lease is good enough, and without it nothing can be written
                log.warning("a lease could not be renewed")

    try:
        async with asyncio.timeout(seconds) as clock:
            beat = asyncio.create_task(keep_up())
            try:
                yield
            finally:
                beat.cancel()
    except TimeoutError:
        if lost:
            raise LeaseLost from None
        if clock.expired():
            raise ToolTimeout(f"the job was ended after {seconds:.0f} s") from None
        raise


def passes(error: Exception) -> bool:
    """Whether another try may help."""
    if isinstance(error, SourceFailed):
        status = error.extensions.get("source_status")
        return status is None or status >= SERVER_ERROR
    return isinstance(error, PASSING)


def told(error: Exception) -> str:
    """What a caller is told of it."""
    if isinstance(error, PareError):
        return error.detail
    return f"the disk or the network failed ({error.strerror})" if isinstance(error, OSError) else "internal error"
