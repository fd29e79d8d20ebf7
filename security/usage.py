"""How many pictures somebody has had made this month: told to whoever asks, never a reason to refuse."""

import asyncio
import time

from limits.aio.storage import Storage

from security.rate_limiter import REDIS_SECONDS

KEPT_SECONDS = 32 * 24 * 3600


class Usage:
    """Counts for each caller, in the storage that the rate limits are counted in."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def add(self, name: str) -> int | None:
        """One more, and how many that makes; None where nothing can be counted just now."""
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                return await self._storage.incr(_key(name), KEPT_SECONDS)
        except Exception:
            return None

    async def count(self, name: str) -> int | None:
        """How many so far; None where that cannot be told just now."""
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                return await self._storage.get(_key(name))
        except Exception:
            return None


def _key(name: str) -> str:
    return f"made/{name}/{time.strftime('%Y-%m', time.gmtime())}"
