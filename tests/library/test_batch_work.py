"""One image of a batch by its URL: fetched, made smaller, stored; what fails is tried again or told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from config import Settings
from library.batch_work import BatchWork
from library.repository import batches
from library.tables import Batch, BatchItem, WebhookDelivery
from main import running
from routers.batch_estimate import Inquest, estimated
from routers.deps import Services
from tests.helpers import decode, encode, photo
from tests.library.test_batches import entered
from tests.utils.test_url_fetch import LOOPBACK, Names, Origin, fetcher, ok, serving
from utils.subprocess_runner import CONFINED
from worker import policy_of

JPEG = encode(photo(), "JPEG", quality=95)
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
AWAY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Shop:
    """A batch's owner, his pictures and whoever works on them."""

    parts: Services
    work: BatchWork
    origin: Origin

    def url(self, name: str) -> str:
        return f"http://a.example:{self.origin.port}/{name}"

    async def items(self, batch: Batch) -> list[BatchItem]:
        async with self.parts.library.database.reading() as session:
            return list((await session.scalars(select(BatchItem).order_by(BatchItem.position))).all())


@asynccontextmanager
async def opened(folder: Path, url: str) -> AsyncIterator[Shop]:
    settings = Settings(data_dir=folder, database_url=url, max_retries=1, _env_file=None)
    async with serving({"/a.jpg": ok(JPEG), "/404": MISSING, "/503": AWAY}) as origin:
        source = fetcher(origin, Names(a_example=LOOPBACK))
        async with running(settings, source, CONFINED, serving=False) as parts:
            work = BatchWork(parts.library, parts.engine, source, parts.queue, policy_of(settings), 1, 60)
            yield Shop(parts, work, origin)


@pytest.fixture
async def shop(database_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened(tmp_path, database_url) as found:
        yield found


async def test_images_by_url(shop: Shop, tmp_path: Path) -> None:
    desk = shop.parts.batches
    urls = [shop.url(name) for name in ("a.jpg", "404", "503")]
    batch = await entered(desk, urls=urls, callback_url="https://example.com/hook")
    for _ in range(4):
        await shop.work.next_of(batch.batch_id)
    good, missing, away = await shop.items(batch)
    assert (good.status, good.attempt_count, good.last_error) == ("completed", 1, None)
    assert good.receipt["original_size"] == len(JPEG) > good.receipt["optimized_size"]
    kept = tmp_path / "objects" / "pare" / good.receipt["path"]
    assert kept.stat().st_size == good.receipt["optimized_size"] and decode(kept.read_bytes()).size == (160, 120)
    assert (missing.status, missing.attempt_count) == ("failed", 1) and "404" in str(missing.last_error)
    assert (away.status, away.attempt_count) == ("retrying", 1)

    await due_now(shop)
    await shop.work.next_of(batch.batch_id)
    away = (await shop.items(batch))[2]
    assert (away.status, away.attempt_count) == ("failed", 2)
    async with shop.parts.library.database.reading() as session:
        found = await batches.batch_of(session, "ann", batch.batch_id)
        (message,) = (await session.scalars(select(WebhookDelivery))).all()
    assert found is not None and found.status == "completed"
    assert message.payload["data"]["items"] == {"completed": 1, "failed": 2}


async def due_now(shop: Shop) -> None:
    async with shop.parts.library.database.writing() as session:
        for item in (await session.scalars(select(BatchItem))).all():
            item.claimed_until = item.claimed_until.replace(year=2020)


async def test_the_estimate_is_of_the_whole_by_a_sample(shop: Shop) -> None:
    inquest = Inquest(shop.parts, policy_of(shop.parts.settings)({}), None)
    found = await estimated(inquest, [shop.url("a.jpg")] * 99 + [shop.url("404")])
    assert (found.items, found.sampled, found.failed) == (100, 16, 0)
    assert found.original_size == 100 * len(JPEG) > found.estimated_size > 0
    assert found.interval.low < found.estimated_reduction_percent < found.interval.high


async def test_a_batch_that_is_gone_is_no_error(shop: Shop) -> None:
    await shop.work.next_of("nothing")
