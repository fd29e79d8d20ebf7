"""Batches: every image once, whoever dies; paused, resumed, cancelled."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from exceptions import Missing, WrongState
from library.batch_desk import BatchDesk, Order
from library.broker import Queue
from library.database import Database
from library.repository import batches
from library.repository.batches import ItemClaim
from library.repository.leases import LeaseLost
from library.tables import Batch, BatchItem, now


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> BatchDesk:
    return BatchDesk(database, Queue("", tmp_path / "queue"))


async def entered(
    desk: BatchDesk, count: int = 3, *, urls: Sequence[str] = (), callback_url: str | None = None
) -> Batch:
    urls = urls or [f"https://example.com/{index}.jpg" for index in range(count)]
    return await desk.enter(Order("ann", "", urls, None, {}, {}, callback_url))


async def claimed(database: Database, batch: Batch) -> ItemClaim | None:
    async with database.writing() as session:
        return await batches.claim_item(session, batch.batch_id)


async def finish(database: Database, held: ItemClaim, error: str | None = None) -> Batch | None:
    async with database.writing() as session:
        return await batches.finish_item(session, held, {} if error else {"path": "x"}, error)


async def counts(database: Database, batch: Batch) -> dict[str, int]:
    async with database.reading() as session:
        return await batches.progress(session, batch.batch_id)


async def seen(database: Database, batch: Batch) -> Batch:
    async with database.reading() as session:
        found = await batches.batch_of(session, "ann", batch.batch_id)
    assert found is not None
    return found


async def due(database: Database) -> Sequence[str]:
    async with database.writing() as session:
        return await batches.overdue(session)


async def test_each_image_goes_to_one_and_the_last_ends_the_batch(database: Database, desk: BatchDesk) -> None:
    batch = await entered(desk, 5)
    found = [held for held in await asyncio.gather(*(claimed(database, batch) for _ in range(9))) if held]
    assert sorted(held.position for held in found) == list(range(5))
    ends = [await finish(database, held, "broken" if held.position == 1 else None) for held in found]
    assert [end is not None for end in ends] == [False] * 4 + [True]
    assert await counts(database, batch) == {"completed": 4, "failed": 1}
    assert (await seen(database, batch)).status == "completed"


async def test_images_are_taken_in_order_and_receipts_read_in_pieces(
    database: Database, desk: BatchDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PIECE", 4)
    batch = await entered(desk, 10)
    first, second = await claimed(database, batch), await claimed(database, batch)
    assert first and second and (first.position, second.position) == (0, 1)
    after, pieces = -1, []
    while True:
        async with database.reading() as session:
            piece = await batches.receipts(session, batch.batch_id, after)
        if not piece:
            break
        pieces.append(len(piece))
        after = piece[-1].position
    assert pieces == [4, 4, 2]


async def test_a_dead_workers_image_is_anothers(database: Database, desk: BatchDesk) -> None:
    batch = await entered(desk, 1)
    first = await claimed(database, batch)
    assert first and await claimed(database, batch) is None
    async with database.writing() as session:
        await session.execute(update(BatchItem).values(claimed_until=now() - timedelta(seconds=1)))
    second = await claimed(database, batch)
    assert second and second.attempt == 2
    with pytest.raises(LeaseLost):
        await finish(database, first)
    assert await finish(database, second) is not None


async def test_lost_messages_are_found(database: Database, desk: BatchDesk) -> None:
    batch = await entered(desk)
    assert await due(database) == []
    async with database.writing() as session:
        await session.execute(update(Batch).values(due_at=now() - timedelta(seconds=1)))
    assert await due(database) == [batch.batch_id]
    assert await due(database) == []


async def test_paused_resumed_cancelled(database: Database, desk: BatchDesk) -> None:
    batch = await entered(desk)
    held = await claimed(database, batch)
    assert held
    assert (await desk.pause("ann", batch.batch_id)).status == "paused"
    assert await claimed(database, batch) is None
    assert await finish(database, held) is None  # what had begun ends
    assert (await desk.resume("ann", batch.batch_id)).status == "running"
    held = await claimed(database, batch)
    assert held
    assert (await desk.cancel("ann", batch.batch_id)).status == "cancelled"
    assert await claimed(database, batch) is None
    await finish(database, held)
    assert await counts(database, batch) == {"completed": 2, "cancelled": 1}
    assert (await desk.cancel("ann", batch.batch_id)).status == "cancelled"
    for change in (desk.pause, desk.resume):
        with pytest.raises(WrongState, match="cancelled"):
            await change("ann", batch.batch_id)


async def test_others_have_none_of_it(desk: BatchDesk) -> None:
    batch = await entered(desk)
    for change in (desk.pause, desk.resume, desk.cancel):
        with pytest.raises(Missing):
            await change("bob", batch.batch_id)


async def test_what_is_given_back_or_put_off(database: Database, desk: BatchDesk) -> None:
    batch = await entered(desk, 1)
    held = await claimed(database, batch)
    assert held
    async with database.writing() as session:
        await batches.release_item(session, held)
    held = await claimed(database, batch)
    assert held and held.attempt == 1
    async with database.writing() as session:
        await batches.postpone_item(session, held, "busy")
    assert await claimed(database, batch) is None
    async with database.writing() as session:
        await batches.rest(session, batch.batch_id)
    assert timedelta(seconds=0) < (await seen(database, batch)).due_at - now() < timedelta(seconds=4)
