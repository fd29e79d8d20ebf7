"""Strays: what no row needs, what rows need and is not there, what was begun and never ended."""

from datetime import timedelta

import pytest

from library.database import Database
from library.ingest import Ingest, Wish
from library.objects import Objects, Place
from library.repository import assets, kept
from library.repository.tenants import Owner
from library.sweep import Strays, sweep
from library.tables import CATALOG, new_id
from library.variants import Variant
from optimizers.base import Source
from tests.helpers import encode, photo

WISH = Wish(Owner(CATALOG, "shop"), (Variant("thumb", 40, 40, 80),), keep_original=True)
NOW = timedelta(0)


async def take(ingest: Ingest, seed: int, wish: Wish = WISH) -> list[Place]:
    """An asset's objects."""
    examined = await ingest.examine(Source(encode(photo(seed=seed), "JPEG")))
    asset, _ = await ingest.take(examined, wish)
    places = [Place(row.bucket, row.object_key) for row in asset.renditions]
    return [*places, Place(asset.tenant.bucket, asset.original_key)]


async def test_a_whole_library_has_no_strays(ingest: Ingest, database: Database, objects: Objects) -> None:
    for seed in range(3):
        await take(ingest, seed)
    assert await sweep(database, objects, age=NOW) == Strays()


async def test_objects_without_rows(ingest: Ingest, database: Database, objects: Objects) -> None:
    needed = await take(ingest, 1)
    strays = [Place("", f"processed/{name}/{new_id()}_{name}.jpg") for name in ("a", "thumb", "zoom")]
    for place in strays:
        await objects.put(place, b"x", "image/jpeg")
    others = Place("", "reports/2026.txt")
    await objects.put(others, b"mine", "text/plain")
    assert (await sweep(database, objects)).objects == []  # so young, they may be on their way
    assert (await sweep(database, objects, age=NOW)).objects == strays
    assert (await sweep(database, objects, age=NOW, mend=True)).objects == strays
    assert await sweep(database, objects, age=NOW) == Strays()
    for place in (*needed, others):
        assert await objects.get(place, 1 << 20)


async def test_objects_of_an_asset_that_is_being_made_are_no_strays(database: Database, objects: Objects) -> None:
    async with database.writing() as session:
        asset, _ = await assets.claim(session, WISH.owner, "0" * 64, {}, 60)
    await objects.put(Place("", f"processed/thumb/{asset.id}_thumb.jpg"), b"x", "image/jpeg")
    assert await sweep(database, objects, age=NOW, mend=True) == Strays()


async def test_rows_without_objects_are_made_anew_by_the_next_upload(
    ingest: Ingest, database: Database, objects: Objects
) -> None:
    first, *_ = await take(ingest, 1)
    other = await take(ingest, 2)
    await objects.store("").delete(first.key)
    assert (await sweep(database, objects)).missing == [first]
    await sweep(database, objects, mend=True)
    again = await take(ingest, 1)
    assert again[0] == first
    assert await objects.get(first, 1 << 20)
    assert await take(ingest, 2) == other
    assert await sweep(database, objects, age=NOW) == Strays()


async def test_what_was_begun_and_never_ended(database: Database, objects: Objects) -> None:
    async with database.writing() as session:
        asset, _ = await assets.claim(session, WISH.owner, "0" * 64, {}, 0)
    place = Place("", f"processed/thumb/{asset.id}_thumb.jpg")
    await objects.put(place, b"x", "image/jpeg")
    assert (await sweep(database, objects)).unfinished == []
    assert (await sweep(database, objects, age=NOW, mend=True)).unfinished == [asset.id]
    assert (await sweep(database, objects, age=NOW, mend=True)).objects == [place]
    assert await sweep(database, objects, age=NOW) == Strays()


async def test_keys_come_in_the_order_of_stores(database: Database, objects: Objects, ingest: Ingest) -> None:
    names = ("thumb", "Thumb", "thumb-b", "thumb_a")
    wish = Wish(WISH.owner, tuple(Variant(name, 40, 40, 80) for name in names))
    await take(ingest, 1, wish)
    async with database.reading() as session:
        keys = [key async for key in kept.keys(session, "")]
    assert keys == [info.key async for info in objects.store("").list("processed")]
    assert len(keys) == len(names)


@pytest.mark.parametrize("key", ["processed/x", "processed/x/y", "staging/x"])
async def test_names_of_any_shape_are_looked_at(database: Database, objects: Objects, key: str) -> None:
    async with database.writing() as session:
        await assets.enroll(session, WISH.owner, "0" * 64, {})
    await objects.put(Place("", key), b"x", "image/jpeg")
    found = await sweep(database, objects, age=NOW)
    assert found.objects == [Place("", key)]
