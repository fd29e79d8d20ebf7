"""How often somebody may call: sliding windows in this process or in Redis, failing open when Redis does."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter

from utils.breaker import Breaker, Failing
from utils.metrics import RATE_LIMIT_BREAKER_OPEN, RATE_LIMIT_DECISIONS
from utils.redis_pool import open_pool

REDIS_SECONDS = 0.25
"""How long a decision may wait for Redis."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """`calls` in any window of `seconds`."""

    name: str
    calls: int
    seconds: int

    @property
    def item(self) -> RateLimitItem:
        """The same for the limits library."""
        return RateLimitItemPerSecond(self.calls, self.seconds)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of an allowance; `reset` in seconds from now until more is."""

    allowance: Allowance
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a call may go on; no standings where nothing was counted."""

    allowed: bool
    standings: tuple[Standing, ...] = ()

    @property
    def tightest(self) -> Standing:
        """The allowance that runs out first."""
        return min(self.standings, key=lambda s: (s.remaining, -s.reset))


def allowances(per_minute: int, burst: int) -> list[Allowance]:
    """The two windows of one sort of callers, a minute and ten seconds; 0 means no limit."""
    both = (Allowance("burst", burst, 10), Allowance("minute", per_minute, 60))
    return [allowance for allowance in both if allowance.calls]


class RateLimiter:
    """Counts calls; when its storage fails it lets everybody pass, says so once, and tries again later."""

    def __init__(self, allowances: Sequence[Allowance], storage: Storage) -> None:
        self._allowances = allowances
        self._storage = storage
        self._windows = MovingWindowRateLimiter(storage)
        self._breaker = Breaker("rate limits are off for now", RATE_LIMIT_BREAKER_OPEN, REDIS_SECONDS)

    async def decide(self, caller: str) -> Decision:
        """Count one call, unless an allowance is used up."""
        if not self._allowances:
            return Decision(True)
        try:
            decision = await self._breaker.call(lambda: self._count(caller))
        except Failing:
            RATE_LIMIT_DECISIONS.labels("uncounted").inc()
            return Decision(True)
        RATE_LIMIT_DECISIONS.labels("allowed" if decision.allowed else "refused").inc()
        return decision

    async def storage_is_up(self) -> bool:
        """Whether counting is possible just now."""
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                return bool(await self._storage.check())
        except Exception:
            return False

    async def _count(self, caller: str) -> Decision:
        # Looked at before either is counted, so that a refused burst does not eat the minute's quota.
        allowed = all([await self._windows.test(a.item, a.name, caller) for a in self._allowances])
        if allowed:
            allowed = all([await self._windows.hit(a.item, a.name, caller) for a in self._allowances])
        return Decision(allowed, tuple([await self._standing(a, caller) for a in self._allowances]))

    async def _standing(self, allowance: Allowance, caller: str) -> Standing:
        stats = await self._windows.get_window_stats(allowance.item, allowance.name, caller)
        return Standing(allowance, stats.remaining, max(0, math.ceil(stats.reset_time - time.time())))


@asynccontextmanager
async def open_storage(redis_url: str) -> AsyncIterator[Storage]:
    """Redis where an address is given, else this process's memory."""
    if not redis_url:
        yield MemoryStorage()
        return
    async with open_pool(redis_url, REDIS_SECONDS) as pool:
        # The library's annotation knows only plain values; it hands the pool to redis-py as its documentation says.
        options: dict[str, Any] = {"connection_pool": pool}
        yield RedisStorage(f"async+{redis_url}", implementation="redispy", key_prefix="pare:limits", **options)
