"""Tenants: who owns what."""

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from library.repository.rows import add_unless_there
from library.tables import Asset, Tenant


class Owner(NamedTuple):
    """A tenant of /v1 (`CATALOG`) or a user of /api/v1 (`USER`), and the bucket of its objects."""

    realm: str
    name: str
    bucket: str = ""


async def tenant_of(session: AsyncSession, owner: Owner) -> Tenant:
    """The owner's row, made where there is none."""
    query = select(Tenant).filter_by(**owner._asdict())
    if (found := await session.scalar(query)) is None:
        await add_unless_there(session, Tenant, **owner._asdict())
        found = (await session.scalars(query)).one()
    return found


async def asset_counts(session: AsyncSession, realm: str) -> dict[str, int]:
    """How many assets each tenant has."""
    query = select(Tenant.name, func.count(Asset.id)).join(Asset).where(Tenant.realm == realm).group_by(Tenant.name)
    return {row[0]: row[1] for row in await session.execute(query.order_by(Tenant.name))}
