"""Assets: found by their bytes, worked on by one at a time, whole or not there."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from exceptions import Unavailable
from library.repository.near import note
from library.repository.rows import add_unless_there
from library.repository.tenants import Owner, tenant_of
from library.tables import READY, WORKING, Asset, Removal, StoredRendition, Tenant, new_id, now


class Claim(NamedTuple):
    """An asset, and whether the caller is the one who works on it now."""

    asset: Asset
    mine: bool


async def enroll(session: AsyncSession, owner: Owner, content_hash: str, facts: Mapping[str, Any]) -> Asset:
    """The owner's asset of these bytes, locked; made where there is none, with nobody at work on it yet."""
    tenant = await tenant_of(session, owner)
    values = {"id": new_id(), "tenant_id": tenant.id, "content_hash": content_hash, **facts}
    await add_unless_there(session, Asset, **values)
    query = select(Asset).filter_by(tenant_id=tenant.id, content_hash=content_hash)
    return (await session.scalars(query.with_for_update(of=Asset))).one()


async def claim(
    session: AsyncSession, owner: Owner, content_hash: str, facts: Mapping[str, Any], seconds: float
) -> Claim:
    """Take the asset of these bytes to work on, where it is not whole and nobody living works on it."""
    asset = await enroll(session, owner, content_hash, facts)
    if asset.state == READY or asset.claimed_until > now():
        return Claim(asset, mine=False)
    asset.state, asset.claimed_until = WORKING, now() + timedelta(seconds=seconds)
    return Claim(asset, mine=True)


async def prolong(session: AsyncSession, asset_id: str, seconds: float) -> None:
    """Say that the work goes on; with 0, that nobody works on it any more."""
    asset = await locked(session, asset_id)
    if asset is not None:
        asset.claimed_until = now() + timedelta(seconds=seconds)


async def locked(session: AsyncSession, asset_id: str) -> Asset | None:
    """The asset, which nobody else changes or deletes until this transaction ends."""
    return await session.scalar(select(Asset).filter_by(id=asset_id).with_for_update(of=Asset))


async def owned(session: AsyncSession, realm: str, asset_id: str, name: str | None = None) -> Asset | None:
    """The asset of a realm, where a name is given only that owner's."""
    query = select(Asset).join(Asset.tenant).where(Asset.id == asset_id, Tenant.realm == realm)
    return await session.scalar(query if name is None else query.where(Tenant.name == name))


async def complete(
    session: AsyncSession, asset_id: str, found: Mapping[str, Any], rows: Sequence[StoredRendition], original_key: str
) -> Asset:
    """The asset, whole: with what was found by looking at it (`fingerprint`) and its renditions.

    Raises Unavailable where it was deleted meanwhile.
    """
    asset = await locked(session, asset_id)
    if asset is None:
        raise Unavailable("the image was deleted while it was being worked on")
    if asset.state == READY:  # by another one, who believed this one dead: the objects have the same names
        return asset
    asset.ahash, asset.phash, asset.colours = found["ahash"], found["phash"], found["colours"]
    asset.dominant_color, asset.placeholder = found["dominant"], b64encode(found["placeholder"]).decode()
    asset.renditions, asset.original_key, asset.state = list(rows), original_key, READY
    asset.claimed_until = now()
    note(session, asset)
    await session.flush()
    return asset


async def give_up(session: AsyncSession, asset_id: str, written: Sequence[str], *, discard: bool) -> None:
    """End a claim whose work failed; with `discard` the row goes, and the objects that were written."""
    asset = await locked(session, asset_id)
    if asset is None or asset.state == READY:
        return
    asset.claimed_until = now()
    if discard:
        await remove(session, asset, written)


async def remove(session: AsyncSession, asset: Asset, also: Sequence[str] = ()) -> None:
    """Delete the asset's rows; objects that no other row needs, and those `also` in its bucket, shall follow."""
    own = {(r.bucket, r.object_key) for r in asset.renditions} | {(asset.tenant.bucket, key) for key in also}
    if asset.original_key:
        own.add((asset.tenant.bucket, asset.original_key))
    await session.delete(asset)
    await session.flush()
    for bucket, key in sorted(own):
        used = select(StoredRendition.id).filter_by(bucket=bucket, object_key=key).limit(1)
        if await session.scalar(used) is None:
            session.add(Removal(bucket=bucket, object_key=key))


async def unused(session: AsyncSession, realm: str, before: datetime) -> Sequence[Asset]:
    """Whole assets older than that which nobody uses, oldest first."""
    query = select(Asset).join(Asset.tenant).where(Tenant.realm == realm, Asset.state == READY)
    query = query.where(Asset.in_use_count == 0, Asset.created_at < before)
    return (await session.scalars(query.order_by(Asset.created_at, Asset.id))).all()
