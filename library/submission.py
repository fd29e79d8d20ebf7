"""An upload on its way in: staged, written down, and announced to the workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from exceptions import ImageDeleted
from library.broker import INGEST, Queue
from library.ingest import Examined, Wish
from library.library import Library
from library.objects import Place
from library.processing import Made
from library.repository import assets, leases
from library.repository.events import note
from library.repository.leases import Claim
from library.repository.tenants import Owner
from library.tables import USER, Asset, Job, new_id, now
from optimizers.base import Source
from storage.base import DEFAULT_TYPE


@dataclass(frozen=True, slots=True)
class Submission:
    """What a user wants to be kept."""

    user: str
    bucket: str
    examined: Examined
    context: Mapping[str, Any] | None
    callback_url: str | None


class Uploads:
    """Accepts uploads, and does what their jobs ask for."""

    def __init__(self, library: Library, queue: Queue, max_retries: int) -> None:
        self._library = library
        self._queue = queue
        self._max_retries = max_retries

    async def submit(self, given: Submission) -> Job:
        """Keep the bytes and the wish; from then on nothing is lost. Raises StorageError, Unavailable."""
        job_id = new_id()
        staged = Place(given.bucket, f"staging/{new_id()}")  # a name that nobody is told
        await self._library.objects.put(staged, given.examined.source.data, DEFAULT_TYPE)
        async with self._library.database.writing() as session:
            job = await self._enter(session, given, job_id, staged)
        await self._queue.send(INGEST, job_id)
        return job

    async def work(self, held: Claim) -> Made:
        """Make what is missing of the job's image. Raises PareError."""
        job = held.job
        objects, ingest = self._library.objects, self._library.ingest
        async with self._library.database.reading() as session:
            asset = await assets.owned(session, USER, job.image_id, job.user_id)
        if asset is None:
            raise ImageDeleted("the image was deleted")
        data = await objects.get(Place(job.storage_bucket, job.staging_path), max_bytes=1 << 40)
        examined = await ingest.examine(Source(data, asset.original_filename))

        async def told(variant: str) -> None:
            async with self._library.database.writing() as session:
                await leases.step(session, held, variant)

        wish = Wish(Owner(USER, job.user_id, job.storage_bucket), self._library.sizes, discard=False)
        made, created = await ingest.take(examined, wish, told)
        if made.id != job.image_id:  # deleted in this very moment, and enrolled anew
            raise ImageDeleted("the image was deleted")
        return _facts(made, created)

    async def _enter(self, session: AsyncSession, given: Submission, job_id: str, staged: Place) -> Job:
        owner = Owner(USER, given.user, given.bucket)
        asset = await assets.enroll(session, owner, given.examined.digest, given.examined.facts)
        if given.context is not None:
            asset.context = dict(given.context)
        job = Job(
            job_id=job_id,
            user_id=given.user,
            image_id=asset.id,
            storage_bucket=staged.bucket,
            staging_path=staged.key,
            max_retries=self._max_retries,
            callback_url=given.callback_url,
            due_at=now() + leases.RESEND,
        )
        session.add(job)
        await session.flush()
        note(session, job, "upload_initiated", bytes=len(given.examined.source.data))
        return job


def _facts(asset: Asset, created: bool) -> Made:
    paths = {row.preset: row.object_key for row in asset.renditions}
    facts = {"created": created, "dominant_color": asset.dominant_color, "placeholder": asset.placeholder}
    return Made(paths, facts)
