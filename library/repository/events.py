"""The audit trail: every step of an upload leaves a row, in the transaction that takes the step."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from library.tables import Job, UploadEvent


def note(session: AsyncSession, job: Job, event: str, **detail: object) -> None:
    """One step of a job."""
    session.add(UploadEvent(job_id=job.job_id, image_id=job.image_id, user_id=job.user_id, event=event, detail=detail))


async def trail(session: AsyncSession, job_id: str) -> Sequence[UploadEvent]:
    """The steps of a job, first to last."""
    return (await session.scalars(select(UploadEvent).filter_by(job_id=job_id).order_by(UploadEvent.id))).all()
