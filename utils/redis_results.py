"""Results in Redis, shared by every process and container, within a number of bytes in all. Imported when first used.

Redis itself is run with `noeviction` (the job queue lies in it, too), so the bound is kept here: a sorted set knows
when each result expires, a hash how large it is, and a script that adds one drops the expired and then the oldest.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

from utils.breaker import Breaker, Failing
from utils.metrics import CACHE_BREAKER_OPEN

CALL_SECONDS = 1.0
"""How long one call may take, with megabytes to carry."""
LEASE_SECONDS = 6.0
"""After how long others may begin what a process that died was at; the living renew their lease."""
POLL_SECONDS = 0.05
PREFIX = "pare"
SCANNED_AT_ONCE = 1000
HEAD = """
local index, sizes, bytes = KEYS[1], KEYS[2], KEYS[3]
local function drop(key)
  redis.call('DEL', key)
  redis.call('ZREM', index, key)
  redis.call('DECRBY', bytes, redis.call('HGET', sizes, key) or 0)
  redis.call('HDEL', sizes, key)
end
"""
DROP = f"{HEAD}for at = 4, #KEYS do drop(KEYS[at]) end"
PUT = f"""{HEAD}
local now, key, size = tonumber(redis.call('TIME')[1]), KEYS[4], #ARGV[1]
for _, old in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now)) do drop(old) end
drop(key)
while (tonumber(redis.call('GET', bytes)) or 0) + size > tonumber(ARGV[3]) do
  local oldest = redis.call('ZRANGE', index, 0, 0)[1]
  if not oldest then break end
  drop(oldest)
end
redis.call('SET', key, ARGV[1], 'EX', ARGV[2])
redis.call('ZADD', index, now + ARGV[2], key)
redis.call('HSET', sizes, key, size)
redis.call('INCRBY', bytes, size)
"""


class RedisResults:
    """Bytes by key, `limit` bytes in all; every verb raises Failing when Redis does."""

    layer = "redis"

    def __init__(self, client: Redis, limit: int, room: str = "results") -> None:
        self._prefix = f"{PREFIX}:{room}"
        self._client = client
        self._limit = limit
        self._books = [f"{self._prefix}-{name}" for name in ("index", "sizes", "bytes")]
        self._put = client.register_script(PUT)
        self._drop = client.register_script(DROP)
        self._breaker = Breaker("the result cache is off for now", CACHE_BREAKER_OPEN, CALL_SECONDS)

    async def get(self, key: str) -> bytes | None:
        """What was put there and is still there."""
        found: bytes | None = await self._breaker.call(lambda: self._client.get(f"{self._prefix}:{key}"))
        return found

    async def put(self, key: str, value: bytes, seconds: int) -> None:
        """Keep a value so long, unless others push it out."""
        keys = [*self._books, f"{self._prefix}:{key}"]
        await self._breaker.call(lambda: self._put(keys, [value, seconds, self._limit]))

    async def keys(self, prefix: str) -> list[str]:
        """What begins so and is still there; the prefix is of letters, digits and colons."""
        room = f"{self._prefix}:"

        async def scan() -> list[str]:
            found = self._client.zscan_iter(self._books[0], match=f"{room}{prefix}*", count=SCANNED_AT_ONCE)
            return [name.decode() async for name, expires in found if expires > time.time()]

        return sorted({name.removeprefix(room) for name in await self._breaker.call(scan)})

    async def drop(self, keys: Sequence[str]) -> None:
        """Forget these."""
        named = [*self._books, *(f"{self._prefix}:{key}" for key in keys)]
        await self._breaker.call(lambda: self._drop(named))

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Holds the only right to compute this result."""
        lease = self._client.lock(f"{self._prefix}-turn:{key}", timeout=LEASE_SECONDS)
        while not await self._breaker.call(partial(lease.acquire, blocking=False)):  # noqa: ASYNC110 - no event comes
            await asyncio.sleep(POLL_SECONDS)
        renewal = asyncio.create_task(_renew(lease))
        try:
            yield
        finally:
            renewal.cancel()
            with suppress(Failing):
                await self._breaker.call(partial(_release, lease))


async def _renew(lease: Lock) -> None:
    while True:
        await asyncio.sleep(LEASE_SECONDS / 3)
        with suppress(RedisError, OSError):
            await lease.reacquire()


async def _release(lease: Lock) -> None:
    with suppress(LockError):  # it ran out: somebody else may have it
        await lease.release()
