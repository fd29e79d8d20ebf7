"""Every object that some row needs, in order, however many there are."""

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import Select, Text, collate, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from library.tables import Asset, Job, Removal, StoredRendition, Tenant

AT_ONCE = 1000
ID_LENGTH = 36


async def buckets(session: AsyncSession) -> Sequence[str]:
    """Every bucket in which something may lie."""
    return (await session.scalars(select(Tenant.bucket).distinct().order_by(Tenant.bucket))).all()


async def keys(session: AsyncSession, bucket: str) -> AsyncIterator[str]:
    """The keys of a bucket's objects, in the order of their bytes, as stores list them."""
    needed = union(*_needed(bucket)).subquery()
    binary = "BINARY" if session.get_bind().dialect.name == "sqlite" else "C"
    query = select(needed.c.key).order_by(collate(needed.c.key, binary)).execution_options(yield_per=AT_ONCE)
    async for key in await session.stream_scalars(query):
        yield key


def _needed(bucket: str) -> list[Select[tuple[str]]]:
    drawn = select(StoredRendition.object_key.cast(Text).label("key")).where(StoredRendition.bucket == bucket)
    originals = select(Asset.original_key.cast(Text)).join(Tenant).where(Tenant.bucket == bucket)
    staged = select(Job.staging_path.cast(Text)).where(Job.storage_bucket == bucket, Job.staging_path != "")
    return [drawn, originals.where(Asset.original_key != ""), staged]


async def needed(session: AsyncSession, bucket: str, key: str) -> bool:
    """Whether a row needs this one object, or will: of an asset that is there, every object may still be."""
    asset = select(Asset.id).where(Asset.id == key.rpartition("/")[2][:ID_LENGTH])
    doomed = select(Removal.id).where(Removal.bucket == bucket, Removal.object_key == key)
    wanted = union(*_needed(bucket)).subquery()
    row = select(wanted.c.key).where(wanted.c.key == key)
    for query in (asset, doomed, row):
        if await session.scalar(query.limit(1)) is not None:
            return True
    return False
