"""Leases: one worker at a time, whoever died; the row says what is true."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from library.database import Database
from library.repository import leases
from library.repository.events import trail
from library.repository.jobs import job_of
from library.repository.leases import Claim, LeaseLost
from library.tables import Job, new_id, now


async def entered(database: Database, **values: object) -> str:
    job = Job(job_id=new_id(), user_id="ann", image_id=new_id(), storage_bucket="", staging_path="staging/x", **values)
    async with database.writing() as session:
        session.add(job)
    return job.job_id


async def claimed(database: Database, job_id: str) -> Claim | None:
    async with database.writing() as session:
        return await leases.claim(session, job_id)


async def row(database: Database, job_id: str) -> Job:
    async with database.reading() as session:
        job = await job_of(session, "ann", job_id)
    assert job is not None
    return job


async def expire(database: Database, job_id: str) -> None:
    past = now() - timedelta(seconds=1)
    async with database.writing() as session:
        await session.execute(update(Job).filter_by(job_id=job_id).values(claimed_until=past, due_at=past))


async def test_of_many_one_has_it(database: Database) -> None:
    job_id = await entered(database)
    found = await asyncio.gather(*(claimed(database, job_id) for _ in range(8)))
    assert [claim.attempt for claim in found if claim] == [1]
    job = await row(database, job_id)
    assert job.status == leases.PROCESSING and job.started_at


async def test_whoever_was_taken_for_dead_writes_nothing(database: Database) -> None:
    job_id = await entered(database)
    first = await claimed(database, job_id)
    await expire(database, job_id)
    second = await claimed(database, job_id)
    assert first and second and second.attempt == 2
    for step in (leases.renew, leases.complete, leases.release):
        with pytest.raises(LeaseLost):
            async with database.writing() as session:
                await step(session, first)
    async with database.writing() as session:
        await leases.complete(session, second)
    assert (await row(database, job_id)).status == leases.COMPLETED
    assert await claimed(database, job_id) is None


async def test_a_renewed_lease_holds(database: Database) -> None:
    job_id = await entered(database)
    held = await claimed(database, job_id)
    assert held
    before = (await row(database, job_id)).claimed_until
    async with database.writing() as session:
        await leases.renew(session, held)
    assert (await row(database, job_id)).claimed_until > before
    assert await claimed(database, job_id) is None


async def test_what_is_given_back_costs_no_try(database: Database) -> None:
    job_id = await entered(database)
    held = await claimed(database, job_id)
    assert held
    async with database.writing() as session:
        await leases.release(session, held)
    again = await claimed(database, job_id)
    assert again and again.attempt == 1


async def test_after_an_error_that_passes_it_waits_longer_each_time(database: Database) -> None:
    job_id = await entered(database)
    waits = []
    for _ in range(3):
        held = await claimed(database, job_id)
        assert held
        async with database.writing() as session:
            await leases.postpone(session, held, "busy")
        job = await row(database, job_id)
        assert (job.status, job.last_error) == (leases.RETRYING, "busy")
        waits.append((job.claimed_until - now()).total_seconds())
        assert await claimed(database, job_id) is None
        await expire(database, job_id)
    assert 1 < waits[0] < waits[1] < waits[2] < 12


async def test_lost_messages_are_found_once(database: Database) -> None:
    lost = await entered(database)
    await entered(database, due_at=now() + timedelta(seconds=60))
    await entered(database, status=leases.COMPLETED)

    async def look() -> list[str]:
        async with database.writing() as session:
            return await leases.overdue(session)

    found = await asyncio.gather(*(look() for _ in range(4)))
    assert [job_id for jobs in found for job_id in jobs] == [lost]


async def test_a_dead_workers_job_is_found(database: Database) -> None:
    job_id = await entered(database)
    assert await claimed(database, job_id)
    async with database.writing() as session:
        assert await leases.overdue(session) == []
    await expire(database, job_id)
    async with database.writing() as session:
        assert await leases.overdue(session) == [job_id]


async def test_every_step_leaves_a_row(database: Database) -> None:
    job_id = await entered(database)
    held = await claimed(database, job_id)
    assert held
    async with database.writing() as session:
        await leases.step(session, held, "medium")
    async with database.writing() as session:
        await leases.fail(session, held, "no")
    async with database.reading() as session:
        steps = await trail(session, job_id)
    assert [step.event for step in steps] == ["processing_started", "variant_stored", "failed"]
    assert steps[-1].detail == {"attempt": 1, "error": "no"} and steps[-1].user_id == "ann"


async def test_a_deleted_images_jobs_end(database: Database) -> None:
    job_id = await entered(database)
    held = await claimed(database, job_id)
    assert held
    async with database.writing() as session:
        await leases.withdraw(session, held.job.image_id)
    with pytest.raises(LeaseLost):
        async with database.writing() as session:
            await leases.complete(session, held)
    assert (await row(database, job_id)).last_error == "the image was deleted"
