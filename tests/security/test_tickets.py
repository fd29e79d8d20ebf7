"""Tickets: what they say is what was signed, and they are counted together wherever they are used."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from exceptions import TicketGone, Unauthorized, Unavailable
from security.rate_limiter import open_storage
from security.signing import Signer
from security.tickets import Ticket, Tickets
from tests.conftest import free_port

TICKET = Ticket("key:a", int(time.time()) + 3600, 3, 1000, ("png",), {"quality": 70})


@pytest.fixture(params=["memory", "redis"])
def url(request: pytest.FixtureRequest, redis_server: str) -> str:
    return "" if request.param == "memory" else redis_server


@asynccontextmanager
async def office(url: str = "", *tenants: str, secrets: tuple[str, ...] = ("s",)) -> AsyncIterator[Tickets]:
    async with open_storage(url) as storage:
        yield Tickets(Signer("ticket", secrets), storage, tenants)


async def test_a_ticket_says_what_was_signed() -> None:
    async with office("", "key:a") as tickets:
        assert tickets.read(tickets.mint(TICKET)) == TICKET


async def test_another_service_does_not_take_it() -> None:
    async with office("", "key:a") as ours, office("", "key:a", secrets=("other",)) as theirs:
        with pytest.raises(Unauthorized):
            theirs.read(ours.mint(TICKET))


async def test_it_ends_with_its_key() -> None:
    async with office("", "key:a") as before, office("", "key:b") as after:
        with pytest.raises(Unauthorized, match="no longer valid"):
            after.read(before.mint(TICKET))


async def test_it_ends_with_its_time() -> None:
    async with office("", "key:a") as tickets:
        with pytest.raises(TicketGone, match="expired"):
            tickets.read(tickets.mint(replace(TICKET, expires=int(time.time()))))


@pytest.mark.parametrize(
    "payload", [b"", b"1", b"[]", b"{}", b'{"formats": 1}', b'{"formats": [], "more": 1}', b"\xff"]
)
async def test_what_we_signed_for_something_else_is_no_ticket(payload: bytes) -> None:
    async with office("", "key:a") as tickets:
        with pytest.raises(Unauthorized):
            tickets.read(Signer("ticket", ["s"]).sign(payload))


async def test_without_a_secret_there_are_none() -> None:
    async with office("", secrets=()) as tickets:
        with pytest.raises(Unavailable, match="TICKET_SECRET"):
            tickets.mint(TICKET)


async def test_uses_are_counted_exactly(url: str) -> None:
    ticket = replace(TICKET, id=f"counted-{bool(url)}")
    async with office(url) as tickets:
        await tickets.expect_use(ticket)
        found = await asyncio.gather(*(tickets.use(ticket) for _ in range(8)), return_exceptions=True)
        assert [type(error) for error in found].count(TicketGone) == 5
        with pytest.raises(TicketGone, match="used up"):
            await tickets.expect_use(ticket)
        await tickets.use(replace(ticket, id=f"another-{bool(url)}"))


async def test_uses_are_counted_over_processes(redis_server: str) -> None:
    ticket = replace(TICKET, id="shared", uses=1)
    async with office(redis_server) as here, office(redis_server) as there:
        await here.use(ticket)
        with pytest.raises(TicketGone):
            await there.use(ticket)


async def test_what_cannot_be_counted_is_refused() -> None:
    async with office(f"redis://127.0.0.1:{free_port()}/0") as tickets:
        with pytest.raises(Unavailable):
            await tickets.use(TICKET)
