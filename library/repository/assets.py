"""Assets: found by their bytes, worked on by one at a time, whole or not there."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from exceptions import Unavailable
from library.fingerprint import Look
from library.repository.near import note
from library.repository.removals import ask
from library.repository.rows import add_unless_there
from library.repository.tenants import Owner, tenant_of
from library.tables import CATALOG, READY, WORKING, Asset, Band, StoredRendition, Tenant, is_id, new_id, now


class Claim(NamedTuple):
    """An asset, and whether the caller is the one who works on it now."""

    asset: Asset
    mine: bool


async def enroll(session: AsyncSession, owner: Owner, content_hash: str, facts: Mapping[str, Any]) -> Asset:
    """The owner's asset of these bytes, locked; made where there is none, with nobody at work on it yet."""
    tenant = await tenant_of(session, owner)
    values = {"id": new_id(), "tenant_id": tenant.id, "content_hash": content_hash, **facts}
    query = select(Asset).filter_by(tenant_id=tenant.id, content_hash=content_hash).with_for_update(of=Asset)
    while (found := await session.scalar(query)) is None:  # one that was there may be gone before it is locked
        await add_unless_there(session, Asset, **values)
    return found


async def claim(
    session: AsyncSession, owner: Owner, content_hash: str, facts: Mapping[str, Any], seconds: float
) -> Claim:
    """Take the asset of these bytes to work on, where it is not whole and nobody living works on it."""
    asset = await enroll(session, owner, content_hash, facts)
    asset.uploaded_at = now()
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


async def several(session: AsyncSession, ids: Sequence[str]) -> Sequence[Asset]:
    """The assets of these ids that are there, in this order."""
    found = {asset.id: asset for asset in await session.scalars(select(Asset).where(Asset.id.in_(ids)))}
    return [found[id_] for id_ in ids if id_ in found]


async def owned(session: AsyncSession, realm: str, asset_id: str, name: str | None = None) -> Asset | None:
    """The asset of a realm, where a name is given only that owner's."""
    if not is_id(asset_id):
        return None
    query = select(Asset).join(Asset.tenant).where(Asset.id == asset_id, Tenant.realm == realm)
    return await session.scalar(query if name is None else query.where(Tenant.name == name))


async def complete(
    session: AsyncSession,
    asset_id: str,
    found: Look,
    rows: Sequence[StoredRendition],
    original_key: str,
    written: Sequence[tuple[str, str]],
) -> Asset:
    """The asset, whole: with what was found by looking at it (`fingerprint`) and its renditions.

    What was `written` (buckets and keys) and is not of it goes. Raises Unavailable where it was deleted meanwhile.
    """
    asset = await locked(session, asset_id)
    if asset is None:
        raise Unavailable("the image was deleted while it was being worked on")
    if asset.state != READY:  # else by another one, who believed this one dead
        asset.ahash, asset.phash, asset.colours = found["ahash"], found["phash"], found["colours"]
        asset.dominant_color, asset.placeholder = found["dominant"], b64encode(found["placeholder"]).decode()
        asset.renditions, asset.original_key, asset.state = list(rows), original_key, READY
        asset.claimed_until = now()
        note(session, asset)
        await session.flush()
    for bucket, key in set(written) - _objects(asset):
        ask(session, bucket, key)
    return asset


async def give_up(session: AsyncSession, asset_id: str, written: Sequence[tuple[str, str]], *, discard: bool) -> None:
    """End a claim whose work failed; with `discard` the row goes, and the objects that were written."""
    asset = await locked(session, asset_id)
    if asset is not None and asset.state != READY:
        asset.claimed_until = now()
        if discard:
            await remove(session, asset)
            asset = None
    if asset is None:
        for bucket, key in written:
            ask(session, bucket, key)


async def remove(session: AsyncSession, asset: Asset) -> None:
    """Delete the asset's rows; its objects shall follow, but for those that another one shares."""
    own = _objects(asset)
    await session.delete(asset)
    await session.flush()
    for bucket, key in sorted(own):
        used = select(StoredRendition.id).filter_by(bucket=bucket, object_key=key).limit(1)
        if await session.scalar(used) is None:
            ask(session, bucket, key)


def _objects(asset: Asset) -> set[tuple[str, str]]:
    """The buckets and keys of everything that its rows name."""
    drawn = {(row.bucket, row.object_key) for row in asset.renditions}
    return drawn | ({(asset.tenant.bucket, asset.original_key)} if asset.original_key else set())


async def unused(session: AsyncSession, realm: str, before: datetime) -> dict[str, str]:
    """Whole assets that nobody uses and nobody uploaded since: ids to content hashes, oldest first."""
    query = select(Asset.id, Asset.content_hash).join(Asset.tenant).where(Tenant.realm == realm)
    query = query.where(Asset.state == READY, Asset.in_use_count == 0, Asset.uploaded_at < before)
    return {row[0]: row[1] for row in await session.execute(query.order_by(Asset.uploaded_at, Asset.id))}


async def remove_unused(session: AsyncSession, asset_id: str, before: datetime) -> bool:
    """Delete one of those where it still is one; whether it was."""
    asset = await locked(session, asset_id)
    if asset is None or asset.in_use_count or asset.uploaded_at >= before:
        return False
    await remove(session, asset)
    return True


async def bytes_per_preset(session: AsyncSession, realm: str) -> dict[str, int]:
    """What each preset's objects take; an object that several assets share counts once."""
    columns = (StoredRendition.preset, StoredRendition.bucket, StoredRendition.object_key, StoredRendition.size_bytes)
    objects = select(*columns).join(Asset).join(Tenant).where(Tenant.realm == realm).distinct().subquery()
    query = select(objects.c.preset, func.sum(objects.c.size_bytes)).group_by(objects.c.preset)
    return {row[0]: int(row[1]) for row in await session.execute(query.order_by(objects.c.preset))}


async def unfinished(session: AsyncSession, before: datetime) -> Sequence[str]:
    """Assets of /v1 that are not whole and on which nobody has worked since; those of /api/v1 have jobs."""
    query = select(Asset.id).join(Asset.tenant).where(Tenant.realm == CATALOG, Asset.state != READY)
    return (await session.scalars(query.where(Asset.claimed_until < before).order_by(Asset.id))).all()


async def remove_unfinished(session: AsyncSession, asset_id: str) -> None:
    """Delete one of those where it still is one; its objects are found by a later sweep."""
    asset = await locked(session, asset_id)
    if asset and asset.state != READY and asset.claimed_until < now():
        await remove(session, asset)


async def undo(session: AsyncSession, bucket: str, key: str) -> None:
    """Let the assets that need a missing object be made anew by the next upload of their bytes."""
    drawn = select(StoredRendition.asset_id).filter_by(bucket=bucket, object_key=key)
    query = (
        select(Asset)
        .join(Tenant)
        .where(or_(Asset.id.in_(drawn), and_(Tenant.bucket == bucket, Asset.original_key == key)))
    )
    for asset in (await session.scalars(query.with_for_update(of=Asset))).all():
        await session.execute(delete(Band).filter_by(asset_id=asset.id))
        asset.state, asset.original_key, asset.renditions = WORKING, "", []
