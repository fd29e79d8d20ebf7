"""Bodies that arrive too slowly, and those that only pause."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import Request
from starlette.types import Message

from exceptions import Busy, UploadTimeout
from routers import body
from routers.body import Body, BodyLimits
from utils.concurrency import CONNECTION_BYTES, ByteBudget, unpaid


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "GRACE_SECONDS", 0.5)


def arriving(*pieces: tuple[float, bytes]) -> Request:
    """A request whose body comes in these pieces, each after so many seconds; then its sender waits for ever."""

    async def messages() -> AsyncIterator[Message]:
        for pause, piece in pieces:
            await asyncio.sleep(pause)
            yield {"type": "http.request", "body": piece, "more_body": bool(piece)}
        await asyncio.sleep(600)

    stream = messages()
    return Request({"type": "http", "method": "POST", "headers": []}, lambda: anext(stream))


async def read(request: Request, rate: float = 1000, budget: ByteBudget | None = None) -> bytes:
    with (budget or ByteBudget(1 << 20)).account() as charge:
        return await Body(request, BodyLimits(10_000, 20, rate), charge).read(10_000)


async def test_a_pause_is_forgiven() -> None:
    assert await read(arriving((0.2, b"a"), (0.2, b"b"), (0.01, b""))) == b"ab"


async def test_a_body_that_trickles_is_refused() -> None:
    with pytest.raises(UploadTimeout):
        await read(arriving(*[(0.05, b"a")] * 400))


async def test_haste_at_first_buys_no_rest_later() -> None:
    with pytest.raises(UploadTimeout):
        await read(arriving((0, b"a" * 9000)))


async def test_a_body_that_is_fast_enough_may_take_longer_than_the_grace() -> None:
    pieces = [(0.05, b"a" * 100)] * 20
    assert len(await read(arriving(*pieces, (0, b"")))) == 2000


async def test_the_whole_has_a_limit_of_its_own() -> None:
    with pytest.raises(UploadTimeout):
        await Body(arriving(*[(0.05, b"a" * 100)] * 80), BodyLimits(10_000, 1, 1000), unpaid).read(10_000)


async def test_what_has_arrived_is_paid_for_and_given_back() -> None:
    budget = ByteBudget(CONNECTION_BYTES + 1000)
    assert await read(arriving((0, b"a" * 1000), (0, b"")), budget=budget)
    with pytest.raises(Busy):
        await read(arriving((0, b"a" * 1001), (0, b"")), budget=budget)
    assert budget.held == 0
