"""Who works on a row, and for how long he may be believed to be alive.

A worker claims a row with a word of its own and keeps its lease up while it works. Whoever comes after the lease's end
may claim the row anew; the first one's word is then worth nothing, so what it still writes is refused.
"""

import random
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from library.repository.events import note
from library.tables import Job, Removal, new_id, now

PENDING, PROCESSING, RETRYING = "pending", "processing", "retrying"
COMPLETED, FAILED = "completed", "failed"
UNFINISHED = (PENDING, PROCESSING, RETRYING)
LEASE = timedelta(seconds=20)
BEAT_SECONDS = 5.0
"""Between two renewals of a lease."""
RESEND = timedelta(seconds=30)
"""After which a message that nobody followed is sent again."""
AT_ONCE = 200
"""Rows that one look sends messages for."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
"""Seconds before a job is tried again; doubled each time."""


class LeaseLost(Exception):
    """Somebody else has the row by now, or it is gone."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is this worker's for now; `attempt` counts from 1."""

    job: Job
    word: str
    attempt: int

    @property
    def last(self) -> bool:
        """Whether it will not be tried again."""
        return self.attempt > self.job.max_retries


async def claim(session: AsyncSession, job_id: str) -> Claim | None:
    """The job, unless it is done, or another's, or not due yet."""
    word, moment = new_id(), now()
    changed = await session.execute(
        update(Job)
        .where(Job.job_id == job_id, Job.status.in_(UNFINISHED), Job.claimed_until <= moment)
        .values(
            status=PROCESSING,
            claim=word,
            claimed_until=moment + LEASE,
            due_at=moment + LEASE,
            attempt_count=Job.attempt_count + 1,
            started_at=moment,
        )
    )
    if not _changed(changed):
        return None
    query = select(Job).filter_by(job_id=job_id).execution_options(populate_existing=True)
    job = (await session.scalars(query)).one()
    note(session, job, "processing_started", attempt=job.attempt_count)
    return Claim(job, word, job.attempt_count)


async def renew(session: AsyncSession, held: Claim) -> None:
    """Say that the work goes on. Raises LeaseLost."""
    until = now() + LEASE
    await _change(session, held, claimed_until=until, due_at=until)


async def step(session: AsyncSession, held: Claim, variant: str) -> None:
    """Say that a variant is there. Raises LeaseLost."""
    done = [*held.job.processing_metadata.get("variants_done", ()), variant]
    held.job.processing_metadata = {"variants_done": done}
    await _change(session, held, processing_metadata=held.job.processing_metadata)
    note(session, held.job, "variant_stored", variant=variant)


async def withdraw(session: AsyncSession, image_id: str) -> None:
    """End the jobs of an image that is deleted; what still works on them works for nothing."""
    query = select(Job).where(Job.image_id == image_id, Job.status.in_(UNFINISHED)).with_for_update()
    for job in (await session.scalars(query)).all():
        job.status, job.claim, job.completed_at, job.last_error = FAILED, None, now(), "the image was deleted"
        if job.staging_path:
            session.add(Removal(bucket=job.storage_bucket, object_key=job.staging_path))
        note(session, job, FAILED, error=job.last_error)


async def release(session: AsyncSession, held: Claim) -> None:
    """Give it back untried, to whoever comes next. Raises LeaseLost."""
    moment = now()
    await _change(session, held, status=PENDING, claimed_until=moment, due_at=moment, attempt_count=held.attempt - 1)
    note(session, held.job, "released", attempt=held.attempt)


async def postpone(session: AsyncSession, held: Claim, error: str) -> None:
    """Have it tried again after a while. Raises LeaseLost."""
    until = now() + pause(held.attempt)
    await _change(session, held, status=RETRYING, claimed_until=until, due_at=until, last_error=error)
    note(session, held.job, "retrying", attempt=held.attempt, error=error)


async def complete(session: AsyncSession, held: Claim, **values: object) -> None:
    """Write its good end. Raises LeaseLost, and then nothing else of the transaction may stay either."""
    await _end(session, held, status=COMPLETED, last_error=None, **values)
    note(session, held.job, COMPLETED, attempt=held.attempt)


async def fail(session: AsyncSession, held: Claim, error: str, **values: object) -> None:
    """Write its bad end; the row stays, as a list of the dead. Raises LeaseLost."""
    await _end(session, held, status=FAILED, last_error=error, **values)
    note(session, held.job, FAILED, attempt=held.attempt, error=error)


async def overdue(session: AsyncSession) -> list[str]:
    """Jobs whose messages nobody followed; they are due again a while later."""
    moment = now()
    wanting = (
        select(Job.job_id)
        .where(Job.status.in_(UNFINISHED), Job.due_at <= moment)
        .order_by(Job.due_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    found = list((await session.scalars(wanting)).all())
    if found:
        await session.execute(update(Job).where(Job.job_id.in_(found)).values(due_at=moment + RESEND))
    return found


def pause(attempt: int) -> timedelta:
    """How long to wait after so many tries; never quite the same, so that what failed together comes apart."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1))
    return timedelta(seconds=longest * random.uniform(0.75, 1.25))  # noqa: S311 - nothing secret


async def _end(session: AsyncSession, held: Claim, **values: object) -> None:
    moment = now()
    assert held.job.started_at
    seconds = (moment - held.job.started_at).total_seconds()
    await _change(session, held, completed_at=moment, seconds=seconds, claimed_until=moment, **values)


async def _change(session: AsyncSession, held: Claim, **values: object) -> None:
    changed = await session.execute(
        update(Job).where(Job.job_id == held.job.job_id, Job.claim == held.word).values(**values)
    )
    if not _changed(changed):
        raise LeaseLost


def _changed(result: object) -> int:
    assert isinstance(result, CursorResult)
    return int(result.rowcount)
