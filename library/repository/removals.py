"""Objects that are still to be deleted."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from library.tables import Removal


def ask(session: AsyncSession, bucket: str, key: str) -> None:
    """Let an object be deleted."""
    session.add(Removal(bucket=bucket, object_key=key))


async def due(session: AsyncSession, most: int) -> Sequence[Removal]:
    """The oldest of them."""
    return (await session.scalars(select(Removal).order_by(Removal.id).limit(most))).all()


async def done(session: AsyncSession, ids: Sequence[int]) -> None:
    """They are gone."""
    await session.execute(delete(Removal).where(Removal.id.in_(ids)))
