"""One job from claim to end, with every way in which its work can go."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from exceptions import Busy, SourceFailed, ToolTimeout, Unavailable, UnprocessableImage
from library import holding
from library.database import Database
from library.holding import passes
from library.processing import Made, Processor
from library.repository import leases
from library.repository.leases import Claim
from library.tables import Job, Removal, WebhookDelivery, new_id
from tests.library.test_leases import claimed, entered, expire, row


def raising(error: Exception) -> Callable[[Claim], Awaitable[Made]]:
    async def work(_: Claim) -> Made:
        raise error

    return work


async def good(_: Claim) -> Made:
    return Made({"medium": "processed/medium/x"}, {"dominant_color": "#fff"})


async def rows(database: Database, table: Any) -> list[Any]:
    async with database.reading() as session:
        return list((await session.scalars(select(table))).all())


async def test_a_good_end(database: Database) -> None:
    job_id = await entered(database, callback_url="https://example.com/hook")
    await Processor(database, good, 10).process(job_id)
    job = await row(database, job_id)
    assert (job.status, job.attempt_count, job.last_error) == (leases.COMPLETED, 1, None)
    assert job.processed_paths == {"medium": "processed/medium/x"} and job.seconds is not None and job.completed_at
    assert [removal.object_key for removal in await rows(database, Removal)] == ["staging/x"]
    (message,) = await rows(database, WebhookDelivery)
    assert message.payload["type"] == "image.completed"
    assert message.payload["data"] == {"job_id": job_id, "image_id": job.image_id, "status": "completed"}


async def test_what_does_not_pass_is_tried_once(database: Database) -> None:
    job_id = await entered(database, callback_url="https://example.com/hook")
    await Processor(database, raising(UnprocessableImage("it is broken")), 10).process(job_id)
    job = await row(database, job_id)
    assert (job.status, job.attempt_count, job.last_error) == (leases.FAILED, 1, "it is broken")
    (message,) = await rows(database, WebhookDelivery)
    assert message.payload["data"]["error"] == "it is broken"


async def test_what_passes_is_tried_again_and_then_no_more(database: Database) -> None:
    job_id = await entered(database, max_retries=2)
    processor = Processor(database, raising(Busy("busy")), 10)
    states = []
    for _ in range(4):
        await processor.process(job_id)
        job = await row(database, job_id)
        states.append((job.status, job.attempt_count))
        await expire(database, job_id)
    assert states == [("retrying", 1), ("retrying", 2), ("failed", 3), ("failed", 3)]


async def test_a_bug_is_the_jobs_end_and_says_nothing_of_itself(database: Database) -> None:
    job_id = await entered(database)
    await Processor(database, raising(RuntimeError("secret")), 10).process(job_id)
    job = await row(database, job_id)
    assert (job.status, job.last_error) == (leases.FAILED, "internal error")


async def test_a_job_that_takes_too_long_is_ended(database: Database) -> None:
    async def endless(_: Claim) -> Made:
        await asyncio.sleep(60)
        return Made()

    job_id = await entered(database)
    await Processor(database, endless, 0.2).process(job_id)
    job = await row(database, job_id)
    assert job.status == leases.FAILED and "ended after" in str(job.last_error)


async def test_what_is_interrupted_waits_for_another(database: Database) -> None:
    begun = asyncio.Event()

    async def endless(_: Claim) -> Made:
        begun.set()
        await asyncio.sleep(60)
        return Made()

    job_id = await entered(database)
    task = asyncio.create_task(Processor(database, endless, 60).process(job_id))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    job = await row(database, job_id)
    assert (job.status, job.attempt_count) == (leases.PENDING, 0)
    await Processor(database, good, 10).process(job_id)
    assert (await row(database, job_id)).status == leases.COMPLETED


async def test_a_lost_lease_ends_the_work(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "BEAT_SECONDS", 0.05)
    ended = asyncio.Event()

    async def overtaken(held: Claim) -> Made:
        async with database.writing() as session:
            await session.execute(update(Job).filter_by(job_id=held.job.job_id).values(claim=new_id()))
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return Made()

    job_id = await entered(database)
    await Processor(database, overtaken, 60).process(job_id)
    assert ended.is_set()
    job = await row(database, job_id)
    assert job.status == leases.PROCESSING and await rows(database, Removal) == []


async def test_two_at_once_do_it_once(database: Database) -> None:
    done = []

    async def counted(held: Claim) -> Made:
        done.append(held.word)
        await asyncio.sleep(0.1)
        return Made()

    job_id = await entered(database)
    processor = Processor(database, counted, 10)
    await asyncio.gather(*(processor.process(job_id) for _ in range(4)))
    assert len(done) == 1
    assert await claimed(database, job_id) is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Busy("x"), True),
        (Unavailable("x"), True),
        (OSError(28, "No space left on device"), True),
        (SourceFailed("x"), True),
        (SourceFailed("x", source_status=503), True),
        (SourceFailed("x", source_status=404), False),
        (UnprocessableImage("x"), False),
        (ToolTimeout("x"), False),
        (RuntimeError("x"), False),
    ],
)
def test_what_passes(error: Exception, expected: bool) -> None:
    assert passes(error) is expected
