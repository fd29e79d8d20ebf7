"""Messages to callers: signed, tried again, given up; each by one courier."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from exceptions import Unavailable, UrlRefused
from library.database import Database
from library.messages import Callbacks, Courier, payload
from library.repository import webhooks
from library.tables import WebhookDelivery, new_id, now
from security.ssrf import check_url
from tests.utils.test_url_fetch import LOOPBACK, Names, Origin, allow_loopback, ok, serving
from utils.url_post import Poster

KEY = b"k" * 32
REFUSED = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with serving({}) as server:
        yield server


def courier(database: Database, origin: Origin) -> Courier:
    names = Names(a_example=LOOPBACK, private_example=[["10.0.0.1"]])
    check = partial(check_url, ports=frozenset({origin.port}))
    return Courier(database, Poster(names, allow_loopback, check, 5), KEY)


async def announced(database: Database, origin: Origin, host: str = "a.example") -> None:
    async with database.writing() as session:
        message = payload("image.completed", "2026-01-01T00:00:00Z", {"image_id": "x"})
        webhooks.announce(session, new_id(), f"http://{host}:{origin.port}/hook", message)


async def message(database: Database) -> WebhookDelivery:
    async with database.reading() as session:
        return (await session.scalars(select(WebhookDelivery))).one()


async def make_due(database: Database) -> None:
    async with database.writing() as session:
        await session.execute(update(WebhookDelivery).values(next_attempt_at=now() - timedelta(seconds=1)))


async def test_a_message_is_delivered_once_and_its_signature_holds(database: Database, origin: Origin) -> None:
    seen: list[tuple[str, bytes]] = []

    async def receive(head: str, writer: asyncio.StreamWriter) -> None:
        seen.append((head, b""))
        writer.write(ok(b""))

    origin.routes["/hook"] = receive
    await announced(database, origin)
    counts = await asyncio.gather(*(courier(database, origin).deliver_due() for _ in range(4)))
    assert sum(counts) == 1 and len(seen) == 1
    sent = await message(database)
    assert sent.status == webhooks.DELIVERED and sent.delivered_at
    headers = dict(line.lower().split(": ", 1) for line in seen[0][0].splitlines()[1:] if line)
    body = json.dumps(sent.payload, separators=(",", ":")).encode()
    signed = f"{sent.id}.{headers['webhook-timestamp']}.".encode() + body
    given = [line.split(": ", 1)[1] for line in seen[0][0].splitlines() if line.lower().startswith("webhook-sig")]
    assert given == ["v1," + base64.b64encode(hmac.digest(KEY, signed, hashlib.sha256)).decode()]
    assert headers["webhook-id"] == sent.id and int(headers["content-length"]) == len(body)


async def test_a_refused_one_is_tried_again_later_under_the_same_id(database: Database, origin: Origin) -> None:
    origin.routes["/hook"] = REFUSED
    await announced(database, origin)
    await courier(database, origin).deliver_due()
    first = await message(database)
    assert (first.status, first.attempt_count) == (webhooks.PENDING, 1)
    assert timedelta(seconds=1) < first.next_attempt_at - now() < timedelta(seconds=6)
    assert await courier(database, origin).deliver_due() == 0
    await make_due(database)
    origin.routes["/hook"] = ok(b"")
    await courier(database, origin).deliver_due()
    assert (await message(database)).status == webhooks.DELIVERED
    ids = {line for head in origin.requests for line in head.splitlines() if line.lower().startswith("webhook-id")}
    assert len(origin.requests) == 2 and len(ids) == 1


async def test_after_the_last_pause_it_is_given_up(database: Database, origin: Origin) -> None:
    origin.routes["/hook"] = REFUSED
    await announced(database, origin)
    for _ in range(len(webhooks.PAUSES) + 3):
        await courier(database, origin).deliver_due()
        await make_due(database)
    sent = await message(database)
    assert (sent.status, sent.attempt_count) == (webhooks.GIVEN_UP, len(webhooks.PAUSES) + 1)


@pytest.mark.parametrize("host", ["private.example", "a.example"])
async def test_some_are_given_up_at_once(database: Database, origin: Origin, host: str) -> None:
    origin.routes["/hook"] = GONE
    await announced(database, origin, host)
    await courier(database, origin).deliver_due()
    sent = await message(database)
    assert (sent.status, sent.attempt_count) == (webhooks.GIVEN_UP, 1)
    assert origin.connections == (host == "a.example")


def test_addresses_are_judged_when_they_are_named() -> None:
    callbacks = Callbacks(lambda url: check_url(url) and None, can_sign=True)
    callbacks.check("https://example.com/hook")
    for wrong in ("ftp://example.com/", "http://example.com:22/", "nonsense", "https://example.com/" + "a" * 3000):
        with pytest.raises(UrlRefused):
            callbacks.check(wrong)
    with pytest.raises(Unavailable, match="WEBHOOK_SECRET"):
        Callbacks(lambda _: None, can_sign=False).check("https://example.com/")
