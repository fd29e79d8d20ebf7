"""The same rules on memory and on a real Redis; and what happens when Redis does not behave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from security import rate_limiter
from security.rate_limiter import Allowance, RateLimiter, open_storage
from tests.conftest import free_port
from tests.redis_server import RedisServer

BURST, MINUTE = Allowance("burst", 3, 10), Allowance("minute", 5, 60)


@pytest.fixture(params=["memory", "redis"])
def url(request: pytest.FixtureRequest, redis_server: str) -> str:
    if request.param == "memory":
        return ""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@asynccontextmanager
async def limiter(url: str, *allowances: Allowance) -> AsyncIterator[RateLimiter]:
    async with open_storage(url) as storage:
        yield RateLimiter(allowances, storage)


async def test_exactly_the_allowed_number_passes(url: str) -> None:
    async with limiter(url, MINUTE) as gate:
        assert await gate.storage_is_up()
        decisions = [await gate.decide("a") for _ in range(8)]
        assert [d.allowed for d in decisions] == [True] * 5 + [False] * 3
        assert [d.tightest.remaining for d in decisions] == [4, 3, 2, 1, 0, 0, 0, 0]
        assert 0 < decisions[-1].tightest.reset <= 60


async def test_callers_do_not_share(url: str) -> None:
    async with limiter(url, Allowance("minute", 1, 60)) as gate:
        assert (await gate.decide("a")).allowed and (await gate.decide("b")).allowed
        assert not (await gate.decide("a")).allowed


async def test_a_refused_burst_does_not_eat_the_minute(url: str) -> None:
    async with limiter(url, BURST, MINUTE) as gate:
        decisions = [await gate.decide("a") for _ in range(20)]
        assert sum(d.allowed for d in decisions) == 3
        minute = next(s for s in decisions[-1].standings if s.allowance is MINUTE)
        assert minute.remaining == 2


async def test_no_allowance_no_limit(url: str) -> None:
    async with limiter(url) as gate:
        decision = await gate.decide("a")
        assert decision.allowed and not decision.standings


async def test_many_at_once_are_all_decided(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limiter, "REDIS_SECONDS", 30.0)  # a busy machine is another test's matter
    async with limiter(url, Allowance("minute", 50, 60)) as gate:
        decisions = await asyncio.gather(*(gate.decide("a") for _ in range(100)))
        assert sum(bool(d.standings) for d in decisions) == 100
        assert 50 <= sum(d.allowed for d in decisions) <= 55


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65536):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    writer.close()


@pytest.mark.parametrize("behaviour", [hang, nonsense])
async def test_a_redis_that_misbehaves_costs_one_slow_call(behaviour) -> None:
    server = await asyncio.start_server(behaviour, "127.0.0.1", 0)
    async with server, limiter(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", MINUTE) as gate:
        assert (await gate.decide("a")).allowed
        assert not await gate.storage_is_up()
        for _ in range(20):
            decision = await gate.decide("a")
            assert decision.allowed and not decision.standings


def counted(decision: str) -> float:
    return REGISTRY.get_sample_value("pare_ratelimit_decisions_total", {"decision": decision}) or 0


async def test_redis_down_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.breaker.BREAKER_SECONDS", 0.1)
    port = free_port()
    async with limiter(f"redis://127.0.0.1:{port}/0", Allowance("minute", 1, 60)) as gate:
        before = counted("uncounted")
        with capture_logs() as lines:
            assert [(await gate.decide("a")).allowed for _ in range(3)] == [True] * 3
        assert [line["log_level"] for line in lines] == ["warning"], "once, not for every call"
        assert counted("uncounted") == before + 3
        assert REGISTRY.get_sample_value("pare_ratelimit_breaker_open") == 1
        before = counted("allowed"), counted("refused")
        with RedisServer(tmp_path, port):
            await asyncio.sleep(0.2)
            assert [(await gate.decide("a")).allowed for _ in range(3)] == [True, False, False]
        assert (counted("allowed"), counted("refused")) == (before[0] + 1, before[1] + 2)
        assert REGISTRY.get_sample_value("pare_ratelimit_breaker_open") == 0


async def test_another_type_under_the_key_fails_open(redis_server: str) -> None:
    async with limiter(redis_server, Allowance("minute", 1, 60)) as gate:
        await gate.decide("typed")
        with redis.Redis.from_url(redis_server) as client:
            for key in client.keys("*typed*"):
                client.set(key, "not a list")
        assert (await gate.decide("typed")).allowed
