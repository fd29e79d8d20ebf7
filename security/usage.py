"""How many pictures somebody has had made this month: told to whoever asks, never a reason to refuse."""

import asyncio
import time
from collections.abc import Awaitable

from limits.aio.storage import Storage

from security.rate_limiter import REDIS_SECONDS

KEPT_SECONDS = 32 * 24 * 3600


class Usage:
    """Counts for each caller, in the storage that the rate limits are counted in."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def add(self, name: str) -> int | None:
        """One more, and how many that makes; None where nothing can be counted just now."""
        return await _told(self._storage.incr(_key(name), KEPT_SECONDS))

    async def count(self, name: str) -> int | None:
        """How many so far; None where that cannot be told just now."""
        return await _told(self._storage.get(_key(name)))


async def _told(count: Awaitable[int]) -> int | None:
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            return await count
    except Exception:  # whatever a store that is down, hung or talking nonsense raises: a picture is no less made
        return None


def _key(name: str) -> str:
    return f"made/{name}/{time.strftime('%Y-%m', time.gmtime())}"
