"""One job from its claim to its end, whatever happens on the way.

Everything that the end means is one transaction under the claim's word: a worker that was taken for dead and comes back
changes nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from library.database import Database
from library.holding import holding, passes, told
from library.messages import payload
from library.repository import leases, webhooks
from library.repository.leases import Claim, LeaseLost
from library.tables import Removal, now

log = structlog.get_logger("pare.jobs")


@dataclass(frozen=True, slots=True)
class Made:
    """What a job made, for its row: objects by variant, and facts about the image."""

    paths: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


Work = Callable[[Claim], Awaitable[Made]]
"""Makes everything that is missing of the job's image; may be begun again at any point. Raises PareError."""


class Processor:
    """Does jobs; `seconds` is the longest that one may take."""

    def __init__(self, database: Database, work: Work, seconds: float) -> None:
        self._database = database
        self._work = work
        self._seconds = seconds

    async def process(self, job_id: str) -> None:
        """Do the job, unless it is done, or another's, or not due. Raises Unavailable where it cannot be known."""
        async with self._database.writing() as session:
            held = await leases.claim(session, job_id)
        if held is None:
            return
        try:
            async with holding(partial(self._write, leases.renew, held), self._seconds):
                made = await self._work(held)
            await self._write(_completed, held, made)
        except LeaseLost:
            log.warning("a job was another's when it was done", job=job_id)
        except asyncio.CancelledError:
            await self._write(leases.release, held)
            raise
        except Exception as error:
            await self._failed(held, error)

    async def _failed(self, held: Claim, error: Exception) -> None:
        again = passes(error) and not held.last
        level = log.warning if passes(error) else log.info if told(error) != "internal error" else log.exception
        level("a job failed", job=held.job.job_id, attempt=held.attempt, again=again, error=told(error))
        try:
            await self._write(leases.postpone if again else _given_up, held, told(error))
        except LeaseLost:
            log.warning("a job was another's when it failed", job=held.job.job_id)

    async def _write(self, step: Callable[..., Awaitable[None]], held: Claim, *args: Any) -> None:
        async with self._database.writing() as session:
            await step(session, held, *args)


async def _completed(session: AsyncSession, held: Claim, made: Made) -> None:
    facts = {"processed_paths": dict(made.paths), "processing_metadata": dict(made.facts)}
    await leases.complete(session, held, staging_path="", **facts)
    _end(session, held, "image.completed", leases.COMPLETED)


async def _given_up(session: AsyncSession, held: Claim, error: str) -> None:
    await leases.fail(session, held, error, staging_path="")
    _end(session, held, "image.failed", leases.FAILED, error=error)


def _end(session: AsyncSession, held: Claim, kind: str, status: str, **more: str) -> None:
    """What follows from an end: the upload's own object is not needed any more, and the caller hears of it."""
    job, moment = held.job, now()
    if job.staging_path:
        session.add(Removal(bucket=job.storage_bucket, object_key=job.staging_path))
    if job.callback_url:
        data = {"job_id": job.job_id, "image_id": job.image_id, "status": status, **more}
        webhooks.announce(session, job.job_id, job.callback_url, payload(kind, moment.isoformat(), data))
