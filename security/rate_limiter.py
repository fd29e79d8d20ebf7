"""How often somebody may call: sliding windows in this process or in Redis, failing open when Redis does."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter

from utils.metrics import RATE_LIMIT_BREAKER_OPEN, RATE_LIMIT_DECISIONS

REDIS_SECONDS = 0.25
"""How long a decision may wait for Redis."""
BREAKER_SECONDS = 5.0
"""How long Redis is left alone after it failed."""
log = structlog.get_logger("pare.rate_limiter")


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
        self._resume_at = 0.0

    async def decide(self, caller: str) -> Decision:
        """Count one call, unless an allowance is used up."""
        if not self._allowances:
            return Decision(True)
        decision = await self._count_in_time(caller) if time.monotonic() >= self._resume_at else None
        outcome = "uncounted" if decision is None else "allowed" if decision.allowed else "refused"
        RATE_LIMIT_DECISIONS.labels(outcome).inc()
        return decision or Decision(True)

    async def _count_in_time(self, caller: str) -> Decision | None:
        """The decision; None where the storage failed, which is then left alone for a while."""
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                decision = await self._count(caller)
        except Exception as error:
            # Whatever Redis does (down, hung, another type under the key, nonsense): callers are not its victims.
            self._resume_at = time.monotonic() + BREAKER_SECONDS
            RATE_LIMIT_BREAKER_OPEN.set(1)
            log.warning("rate limits are off for now", error=type(error).__name__, seconds=BREAKER_SECONDS)
            return None
        RATE_LIMIT_BREAKER_OPEN.set(0)
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
    from redis.asyncio import BlockingConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    pool = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=20,
        timeout=REDIS_SECONDS,
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    # The library's annotation knows only plain values; it hands the pool to redis-py as its documentation says.
    options: dict[str, Any] = {"connection_pool": pool}
    try:
        yield RedisStorage(f"async+{redis_url}", implementation="redispy", key_prefix="pare:limits", **options)
    finally:
        await pool.aclose()
