"""Jobs as those who ask about them see them: a user's own, how many, how fast, which failed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from library.repository.leases import COMPLETED, FAILED
from library.tables import USER, Asset, Job, JobWorker, Tenant, now

DAY = timedelta(days=1)
WORKER_SEEN = timedelta(seconds=20)
"""A worker that has said nothing for so long is gone."""


class LastDay(NamedTuple):
    """Jobs that were completed within a day, and the seconds that one took."""

    completed: int
    average_seconds: float | None


class Workers(NamedTuple):
    """Workers that are alive, and the jobs that they work on."""

    active: int
    tasks: int


async def job_of(session: AsyncSession, user: str, job_id: str) -> Job | None:
    """The user's job."""
    return await session.scalar(select(Job).filter_by(job_id=job_id, user_id=user))


async def latest_job(session: AsyncSession, user: str, image_id: str) -> Job | None:
    """The newest of the jobs that made an image."""
    query = select(Job).filter_by(image_id=image_id, user_id=user)
    return await session.scalar(query.order_by(Job.created_at.desc()).limit(1))


async def statuses(session: AsyncSession) -> dict[str, int]:
    """How many jobs there are in each state."""
    rows = await session.execute(select(Job.status, func.count()).group_by(Job.status))
    return dict(rows.all())


async def last_day(session: AsyncSession) -> LastDay:
    """What was completed lately."""
    query = select(func.count(), func.avg(Job.seconds)).where(Job.status == COMPLETED, Job.completed_at >= now() - DAY)
    count, average = (await session.execute(query)).one()
    return LastDay(count, None if average is None else float(average))


async def image_count(session: AsyncSession) -> int:
    """How many images users have."""
    query = select(func.count(Asset.id)).join(Asset.tenant).where(Tenant.realm == USER)
    return await session.scalar(query) or 0


async def failed(session: AsyncSession, limit: int) -> Sequence[Job]:
    """Jobs that will not be tried again, the latest first."""
    query = select(Job).where(Job.status == FAILED).order_by(Job.completed_at.desc()).limit(limit)
    return (await session.scalars(query)).all()


async def workers(session: AsyncSession) -> Workers:
    """Who works just now."""
    query = select(func.count(), func.sum(JobWorker.active)).where(JobWorker.seen_at >= now() - WORKER_SEEN)
    count, tasks = (await session.execute(query)).one()
    return Workers(count, tasks or 0)


async def seen(session: AsyncSession, name: str, active: int) -> None:
    """A worker is alive, with so many jobs in hand; those that are long gone are forgotten."""
    await session.merge(JobWorker(name=name, active=active, seen_at=now()))
    gone = select(JobWorker).where(JobWorker.seen_at < now() - DAY)
    for worker in (await session.scalars(gone)).all():
        await session.delete(worker)


async def gone(session: AsyncSession, name: str) -> None:
    """A worker has ended."""
    worker = await session.get(JobWorker, name)
    if worker is not None:
        await session.delete(worker)
