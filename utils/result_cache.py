"""Results that are kept for a while, in memory or in Redis. It never fails: without its store it computes anew.

    await cache.put("output:id", data)          # True where it was kept
    await cache.get("output:id")                # None where it is not, or no longer
    await cache.keys("output:"); await cache.drop(keys)
    value, status = await cache.once(key, make, codec)

`status` is how the cache was used, in the words of `Cache-Status` (RFC 9211); None while it is switched off.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from exceptions import Unavailable
from utils.breaker import Failing
from utils.memory_results import MemoryResults
from utils.metrics import CACHE_REQUESTS
from utils.redis_pool import open_pool
from utils.single_flight import SingleFlight

T = TypeVar("T")
HIT = "hit"
STORED = "fwd=miss; stored"
COLLAPSED = "fwd=miss; collapsed"
COMPUTED = "fwd=miss"


class Results(Protocol):
    """Where bytes lie, within a bound; every verb may raise Failing."""

    layer: str

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, seconds: int) -> None: ...

    async def keys(self, prefix: str) -> list[str]: ...

    async def drop(self, keys: Sequence[str]) -> None: ...

    def turn(self, key: str) -> AbstractAsyncContextManager[None]:
        """Holds the only right to compute this result."""
        ...


@dataclass(frozen=True)
class Codec(Generic[T]):
    """How a value becomes bytes (None: it is not to be kept) and comes back (ValueError: these are no such bytes)."""

    pack: Callable[[T], bytes | None]
    unpack: Callable[[bytes], T]


class ResultCache:
    """Keeps values up to `max_entry` bytes each for `seconds`; switched off by a `max_entry` of 0."""

    def __init__(self, results: Results, max_entry: int, seconds: int) -> None:
        self.max_entry = max_entry
        self._results = results
        self._seconds = seconds
        self._flights: SingleFlight[tuple[Any, str]] = SingleFlight()

    async def get(self, key: str) -> bytes | None:
        """The bytes under a key."""
        try:
            found = await self._results.get(key) if self.max_entry else None
        except Failing:
            self._count("failed")
            return None
        self._count("hit" if found is not None else "miss")
        return found

    async def put(self, key: str, value: bytes, seconds: int | None = None) -> bool:
        """Keep bytes for so long (else the cache's own time); whether that worked."""
        if len(value) > self.max_entry:
            return False
        try:
            await self._results.put(key, value, seconds or self._seconds)
        except Failing:
            return False
        return True

    async def keys(self, prefix: str) -> list[str]:
        """Keys that begin so and have a value. Raises Unavailable: what is not known is not nothing."""
        with _known():
            return await self._results.keys(prefix)

    async def drop(self, keys: Sequence[str]) -> None:
        """Forget these. Raises Unavailable where that did not happen."""
        with _known():
            await self._results.drop(keys)

    async def once(self, key: str, make: Callable[[], Awaitable[T]], codec: Codec[T]) -> tuple[T, str | None]:
        """The value under the key, made where there is none: once, however many ask for it at the same time.

        What `make` raises reaches all of them, and is not kept.
        """
        if not self.max_entry:
            return await make(), None
        found = await self.find(key, codec)
        return (found, HIT) if found is not None else await self.made(key, make, codec)

    async def find(self, key: str, codec: Codec[T]) -> T | None:
        """The value under the key."""
        return _opened(await self.get(key), codec)

    async def made(self, key: str, make: Callable[[], Awaitable[T]], codec: Codec[T]) -> tuple[T, str]:
        """The value where `find` found none, and how it was come by."""
        (value, status), joined = await self._flights.do(key, lambda: self._make(key, make, codec))
        return value, COLLAPSED if joined else status

    async def _make(self, key: str, make: Callable[[], Awaitable[T]], codec: Codec[T]) -> tuple[T, str]:
        async with AsyncExitStack() as held:
            with suppress(Failing):  # whose turn it is cannot be known: twice the work is better than none
                await held.enter_async_context(self._results.turn(key))
                # Somebody else may have had it since this call looked first.
                found = _opened(await self._results.get(key), codec)
                if found is not None:
                    return found, COLLAPSED
            value = await make()
            packed = codec.pack(value)
            kept = packed is not None and await self.put(key, packed)
        return value, STORED if kept else COMPUTED

    def _count(self, result: str) -> None:
        CACHE_REQUESTS.labels(self._results.layer, result).inc()


def _opened(data: bytes | None, codec: Codec[T]) -> T | None:
    try:
        return None if data is None else codec.unpack(data)
    except ValueError:
        return None


@contextmanager
def _known() -> Iterator[None]:
    try:
        yield
    except Failing:
        raise Unavailable("the result cache does not answer") from None


@asynccontextmanager
async def open_cache(
    redis_url: str, limit: int, max_entry: int, seconds: int, *, room: str = "results"
) -> AsyncIterator[ResultCache]:
    """Over Redis where an address is given, else over this process's memory; `limit` bytes in all, 0 for off.

    In Redis, caches in rooms of their own do not push each other's results out.
    """
    max_entry = min(max_entry, limit)
    if not redis_url:
        yield ResultCache(MemoryResults(limit), max_entry, seconds)
        return
    from redis.asyncio import Redis

    from utils.redis_results import CALL_SECONDS, RedisResults

    async with open_pool(redis_url, CALL_SECONDS) as pool:
        yield ResultCache(RedisResults(Redis(connection_pool=pool), limit, room), max_entry, seconds)
