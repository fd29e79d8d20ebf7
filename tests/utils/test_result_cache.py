"""The same rules in memory and in a real Redis; and what happens when Redis does not behave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis
from prometheus_client import REGISTRY

from exceptions import Unavailable
from tests.conftest import free_port
from tests.redis_server import RedisServer
from tests.security.test_rate_limiter import hang, nonsense
from utils.result_cache import COLLAPSED, COMPUTED, HIT, STORED, Codec, ResultCache, open_cache

BINARY = bytes(range(256)) * 4
AS_IS: Codec[bytes] = Codec(lambda value: value, lambda data: data)


@pytest.fixture(params=["memory", "redis"])
def url(request: pytest.FixtureRequest, redis_server: str) -> str:
    if request.param == "memory":
        return ""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


def cached(url: str, limit: int = 1 << 20, max_entry: int = 1 << 20, seconds: int = 60):
    return open_cache(url, limit, max_entry, seconds)


class Maker:
    """Counts how often it is asked to make something."""

    def __init__(self, value: bytes = BINARY) -> None:
        self.value = value
        self.calls = 0

    async def __call__(self) -> bytes:
        self.calls += 1
        await asyncio.sleep(0.05)
        return self.value


async def test_bytes_come_back_as_they_were(url: str) -> None:
    async with cached(url) as cache:
        assert await cache.get("a") is None
        assert await cache.put("a", BINARY)
        assert await cache.put("empty", b"")
        assert (await cache.get("a"), await cache.get("empty"), await cache.get("b")) == (BINARY, b"", None)


async def test_a_second_call_makes_nothing(url: str) -> None:
    make = Maker()
    async with cached(url) as cache:
        assert await cache.once("a", make, AS_IS) == (BINARY, STORED)
        assert await cache.once("a", make, AS_IS) == (BINARY, HIT)
    assert make.calls == 1


async def test_calls_at_the_same_time_make_it_once(url: str) -> None:
    make = Maker()
    async with cached(url) as cache:
        found = await asyncio.gather(*(cache.once("a", make, AS_IS) for _ in range(5)))
    assert sorted(status or "" for _, status in found) == [COLLAPSED] * 4 + [STORED]
    assert make.calls == 1


async def test_what_is_too_large_is_made_again(url: str) -> None:
    make = Maker()
    async with cached(url, max_entry=len(BINARY) - 1) as cache:
        assert not await cache.put("a", BINARY)
        assert [await cache.once("a", make, AS_IS) for _ in range(2)] == [(BINARY, COMPUTED)] * 2
    assert make.calls == 2


async def test_all_together_stay_within_the_bound(url: str) -> None:
    async with cached(url, limit=3 * len(BINARY)) as cache:
        for name in "abcdabc":
            await cache.put(name, BINARY)
        assert await held(cache) == 3
        await cache.put("c", b"small")
        await cache.put("e", BINARY[5:])
        assert await held(cache) == 4


async def test_keys_are_listed_and_dropped(url: str) -> None:
    async with cached(url, limit=3 * len(BINARY)) as cache:
        for name in ("list:a", "list:b", "listed:c"):
            await cache.put(name, BINARY)
        assert sorted(await cache.keys("list:")) == ["list:a", "list:b"]
        await cache.drop(["list:a", "list:nothing"])
        assert await cache.keys("list:") == ["list:b"]
        assert [await cache.get(name) is None for name in ("list:a", "list:b", "listed:c")] == [True, False, False]
        await cache.put("list:d", BINARY)
        assert await cache.get("listed:c") == BINARY, "what was dropped made room"
        await cache.put("list:d", BINARY, seconds=1)
        await asyncio.sleep(1.1)
        assert await cache.keys("list:") == ["list:b"]
        await cache.drop(await cache.keys("list"))


async def test_what_cannot_be_reached_is_not_nothing() -> None:
    async with cached("redis://127.0.0.1:1/0") as cache:
        with pytest.raises(Unavailable):
            await cache.keys("")
        with pytest.raises(Unavailable):
            await cache.drop(["a"])


async def test_who_takes_the_turn_looks_again(url: str) -> None:
    """A value that was kept between the first look and the turn is not made once more."""
    make = Maker()
    async with cached(url) as cache:
        await cache.put("late", BINARY)
        assert await cache.made("late", make, AS_IS) == (BINARY, COLLAPSED)
    assert make.calls == 0


async def held(cache: ResultCache) -> int:
    return len([name for name in "abcde" if await cache.get(name)])


async def test_nothing_is_kept_for_longer_than_asked_for(url: str) -> None:
    async with cached(url, limit=2 * len(BINARY), seconds=1) as cache:
        await cache.put("short", BINARY)
        await cache.put("long", BINARY, seconds=60)
        await asyncio.sleep(1.1)
        assert await cache.get("short") is None
        await cache.put("new", BINARY)
        assert await cache.get("long") == BINARY


async def test_nothing_is_kept_where_it_is_not_wanted(url: str) -> None:
    make, forgetful = Maker(), Codec[bytes](lambda value: None, lambda data: data)
    async with cached(url) as cache, cached(url, limit=0) as off:
        assert [await cache.once("a", make, forgetful) for _ in range(2)] == [(BINARY, COMPUTED)] * 2
        assert [await off.once("b", make, AS_IS) for _ in range(2)] == [(BINARY, None)] * 2
        assert not await off.put("b", BINARY) and await off.get("b") is None
    assert make.calls == 4


async def test_an_error_is_not_kept(url: str) -> None:
    async def fail() -> bytes:
        raise LookupError("no")

    async with cached(url) as cache:
        with pytest.raises(LookupError):
            await cache.once("a", fail, AS_IS)
        assert await cache.once("a", Maker(), AS_IS) == (BINARY, STORED)


async def test_bytes_that_cannot_be_read_are_made_anew(url: str) -> None:
    def unpack(data: bytes) -> bytes:
        raise ValueError("no such bytes")

    async with cached(url) as cache:
        await cache.put("a", b"old")
        assert await cache.once("a", Maker(), Codec(lambda value: value, unpack)) == (BINARY, STORED)
        assert await cache.get("a") == BINARY


@asynccontextmanager
async def two(url: str) -> AsyncIterator[tuple[ResultCache, ResultCache]]:
    """As if in two processes."""
    async with cached(url) as one, cached(url) as other:
        yield one, other


async def test_two_processes_make_it_once(redis_server: str) -> None:
    make = Maker()
    async with two(redis_server) as (one, other):
        found = await asyncio.gather(one.once("shared", make, AS_IS), other.once("shared", make, AS_IS))
    assert {status for _, status in found} == {STORED, COLLAPSED}
    assert make.calls == 1


async def test_a_process_that_died_at_it_is_not_waited_for_long(
    redis_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utils.redis_results.LEASE_SECONDS", 0.2)
    with redis.Redis.from_url(redis_server) as client:
        client.set("pare:results-turn:orphan", "somebody's", px=200)
    async with cached(redis_server) as cache:
        assert (await cache.once("orphan", Maker(), AS_IS))[0] == BINARY


async def test_who_takes_long_keeps_his_turn(redis_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.redis_results.LEASE_SECONDS", 0.2)
    calls = []

    async def slow() -> bytes:
        calls.append(1)
        await asyncio.sleep(0.7)
        return BINARY

    async with two(redis_server) as (one, other):
        await asyncio.gather(one.once("slow", slow, AS_IS), other.once("slow", slow, AS_IS))
    assert len(calls) == 1


def counted(layer: str, result: str) -> float:
    return REGISTRY.get_sample_value("pare_cache_requests_total", {"layer": layer, "result": result}) or 0


@pytest.mark.parametrize("behaviour", [hang, nonsense])
async def test_a_redis_that_misbehaves_costs_one_slow_call(behaviour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.redis_results.CALL_SECONDS", 0.2)
    before, make = counted("redis", "failed"), Maker()
    server = await asyncio.start_server(behaviour, "127.0.0.1", 0)
    url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    async with server, cached(url) as cache:
        found = await asyncio.gather(*(cache.once("a", make, AS_IS) for _ in range(3)))
        assert {value for value, _ in found} == {BINARY}
        assert await cache.once("a", make, AS_IS) == (BINARY, COMPUTED)
        assert not await cache.put("a", BINARY)
    assert make.calls == 2
    assert counted("redis", "failed") > before


async def test_redis_down_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.breaker.BREAKER_SECONDS", 0.1)
    port, make = free_port(), Maker()
    async with cached(f"redis://127.0.0.1:{port}/0") as cache:
        assert await cache.once("a", make, AS_IS) == (BINARY, COMPUTED)
        assert REGISTRY.get_sample_value("pare_cache_breaker_open") == 1
        with RedisServer(tmp_path, port):
            await asyncio.sleep(0.2)
            assert [(await cache.once("a", make, AS_IS))[1] for _ in range(2)] == [STORED, HIT]
        assert REGISTRY.get_sample_value("pare_cache_breaker_open") == 0


async def test_another_type_under_the_key_is_no_failure(redis_server: str) -> None:
    with redis.Redis.from_url(redis_server) as client:
        client.lpush("pare:results:typed", "a")
    async with cached(redis_server) as cache:
        assert await cache.once("typed", Maker(), AS_IS) == (BINARY, COMPUTED)
