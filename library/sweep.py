"""Strays: objects that no row needs, rows whose objects are gone, images that were begun and never ended."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exceptions import ObjectMissing
from library.database import Database
from library.objects import Objects, Place
from library.repository import assets, kept, removals
from library.tables import now
from storage.base import ObjectInfo

FOLDERS = ("processed", "staging")
"""Where the library's objects lie in a bucket; what else is in it is others'."""
AGE = timedelta(hours=1)
"""What is younger may still be on its way."""


@dataclass(slots=True)
class Strays:
    """What a sweep found."""

    objects: list[Place] = field(default_factory=list)
    """No row needs them."""
    missing: list[Place] = field(default_factory=list)
    """Rows need them, and they are not there."""
    unfinished: list[str] = field(default_factory=list)
    """Assets of /v1 that nobody works on and that are not whole."""


async def sweep(database: Database, objects: Objects, *, mend: bool = False, age: timedelta = AGE) -> Strays:
    """Look through every bucket; with `mend`, delete what no row needs and let what is not whole be made anew.

    An asset whose objects are gone is drawn again by the next upload of its bytes.
    """
    found, before = Strays(), now() - age
    async with database.reading() as session:
        found.unfinished = list(await assets.unfinished(session, before))
        buckets = await kept.buckets(session)
    for bucket in buckets:
        async for place, there in _differences(database, objects, bucket, before):
            (found.objects if there else found.missing).append(place)
    if mend:
        await _mend(database, objects, found)
    return found


async def _differences(
    database: Database, objects: Objects, bucket: str, before: datetime
) -> AsyncIterator[tuple[Place, bool]]:
    """Places that are only in the store (True) or only in the rows (False): both lists in order, side by side."""
    async with database.reading() as session:
        needed = kept.keys(session, bucket)
        key = await anext(needed, None)
        async for info in _listed(objects, bucket):
            while key is not None and key < info.key:
                if await _is_gone(objects, place := Place(bucket, key)):
                    yield place, False
                key = await anext(needed, None)
            if key == info.key:
                key = await anext(needed, None)
            elif info.modified < before and not await _is_needed(database, place := Place(bucket, info.key)):
                yield place, True
        while key is not None:
            if await _is_gone(objects, place := Place(bucket, key)):
                yield place, False
            key = await anext(needed, None)


async def _listed(objects: Objects, bucket: str) -> AsyncIterator[ObjectInfo]:
    for folder in FOLDERS:
        async for info in objects.store(bucket).list(folder):
            yield info


async def _is_gone(objects: Objects, place: Place) -> bool:
    """Asked again, one by one: the list was made while others wrote."""
    try:
        await objects.store(place.bucket).stat(place.key)
    except ObjectMissing:
        return True
    return False


async def _is_needed(database: Database, place: Place) -> bool:
    async with database.reading() as session:
        return await kept.needed(session, place.bucket, place.key)


async def _mend(database: Database, objects: Objects, found: Strays) -> None:
    async with database.writing() as session:
        for place in found.objects:
            removals.ask(session, place.bucket, place.key)
    for asset_id in found.unfinished:
        async with database.writing() as session:
            await assets.remove_unfinished(session, asset_id)
    for place in found.missing:
        async with database.writing() as session:
            await assets.undo(session, place.bucket, place.key)
    while await objects.sweep_removed():
        pass
