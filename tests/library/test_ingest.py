"""The one way in: the same bytes once, whatever dies where; near-duplicates found and told from look-alikes."""

import asyncio
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from exceptions import Busy, FormatRefused, PayloadTooLarge, StorageError, UnprocessableImage
from library.database import Database
from library.fingerprint import Look
from library.ingest import Examined, Ingest, Ingested, Wish
from library.objects import Objects, Place
from library.repository.tenants import Owner
from library.sweep import Strays, sweep
from library.tables import CATALOG, Asset
from library.variants import Variant
from optimizers.base import Source
from storage.options import StoreOptions
from storage.stores import Stores
from tests.helpers import decode, encode, graphic, photo
from utils.worker_pool import ROOT

WISH = Wish(Owner(CATALOG, "shop"), (Variant("thumb", 40, 40, 80), Variant("card", 90, 90, 80)), reuse=True)
PHOTO = encode(photo(), "JPEG", quality=92)


async def take(ingest: Ingest, data: bytes, wish: Wish = WISH) -> Ingested:
    return await ingest.take(await ingest.examine(Source(data, "a photo.jpg")), wish)


async def test_an_image_becomes_its_renditions(ingest: Ingest, objects: Objects) -> None:
    asset, created = await take(ingest, PHOTO)
    assert created
    assert (asset.original_width, asset.original_height, asset.original_filename) == (160, 120, "a photo.jpg")
    assert [(r.preset, r.width, r.height, r.mime) for r in asset.renditions] == [
        ("thumb", 40, 30, "image/jpeg"),
        ("card", 90, 68, "image/jpeg"),
    ]
    for row in asset.renditions:
        data = await objects.get(Place(row.bucket, row.object_key), 1 << 20)
        assert (len(data), decode(data).size) == (row.size_bytes, (row.width, row.height))
        assert row.object_key == f"processed/{row.preset}/{asset.id}_{row.preset}.jpg"


async def test_twenty_uploads_of_the_same_bytes_are_one_asset(ingest: Ingest) -> None:
    taken = await asyncio.gather(*(take(ingest, PHOTO) for _ in range(20)))
    assert len({asset.id for asset, _ in taken}) == 1
    assert [created for _, created in taken].count(True) == 1


async def test_the_same_thing_in_other_bytes_shares_the_renditions(ingest: Ingest) -> None:
    first, _ = await take(ingest, PHOTO)
    other, created = await take(ingest, encode(photo(), "JPEG", quality=70))
    assert created and other.id != first.id
    assert [r.object_key for r in other.renditions] == [r.object_key for r in first.renditions]
    assert [near.asset_id for near in await ingest.similar(first)] == [other.id]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (PHOTO[:2000], UnprocessableImage),
        (encode(graphic(), "GIF"), FormatRefused),
        (PHOTO + bytes(1 << 20), PayloadTooLarge),
    ],
    ids=["cut", "gif", "large"],
)
async def test_what_cannot_come_in_leaves_nothing(
    ingest: Ingest, database: Database, objects: Objects, data: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await take(ingest, data)
    assert await left(database, objects) == (0, [])


async def left(database: Database, objects: Objects) -> tuple[int, list[str]]:
    """Assets and objects that are there."""
    async with database.reading() as session:
        count = await session.scalar(select(func.count(Asset.id)))
    return count or 0, [info.key async for info in objects.store("").list()]


class Refusing(Objects):
    """A store that is full after so many objects."""

    room = 0

    async def put(self, place: Place, data: bytes, mime: str) -> None:
        if self.room == 0:
            raise StorageError("full")
        self.room -= 1
        await super().put(place, data, mime)


@pytest.mark.parametrize("room", [0, 1, 2])
async def test_a_full_store_leaves_nothing_and_the_next_try_completes(
    ingest: Ingest, database: Database, objects: Objects, tmp_path: Path, room: int
) -> None:
    full = Refusing(Stores(f"file://{tmp_path}/objects", StoreOptions()), database, 60)
    full.room, ingest._objects = room, full
    wish = replace(WISH, keep_original=True)
    with pytest.raises(StorageError):
        await take(ingest, PHOTO, wish)
    assert await left(database, objects) == (0, [])
    ingest._objects = objects
    asset, created = await take(ingest, PHOTO, wish)
    count, keys = await left(database, objects)
    assert (created, count) == (True, 1)
    assert sorted(keys) == sorted([asset.original_key, *(row.object_key for row in asset.renditions)])


async def test_one_who_waits_goes_on_where_the_first_one_fails(ingest: Ingest, objects: Objects) -> None:
    class FullOnce(Objects):
        async def put(self, place: Place, data: bytes, mime: str) -> None:
            ingest._objects = objects
            raise StorageError("full")

    ingest._objects = FullOnce(objects._stores, objects._database, 60)
    taken = await asyncio.gather(*(take(ingest, PHOTO) for _ in range(3)), return_exceptions=True)
    failed = [found for found in taken if isinstance(found, BaseException)]
    assert len(failed) == 1
    assert len({found.asset.id for found in taken if not isinstance(found, BaseException)}) == 1


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path

import library.ingest
from library.database import Database
from library.ingest import Ingest, UploadRules
from library.objects import Objects
from optimizers.base import Source
from optimizers.engine import Engine
from storage.options import StoreOptions
from storage.stores import Stores
from tests.conftest import LIMITS, SEARCH_PATH, WORKER_ENV
from tests.library.conftest import TYPES
from tests.library.test_ingest import PHOTO, WISH
from utils.concurrency import Slots
from utils.worker_pool import ROOT
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

library.ingest.LEASE_SECONDS = 1.0
url, folder, die_at = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])

class Deadly(Objects):
    count = 0

    async def put(self, *args):
        await super().put(*args)
        self.count += 1
        if self.count == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

async def main() -> None:
    slots, database = Slots(folder / "slots", 1, 2), Database(url)
    engine = Engine(ToolRunner(SEARCH_PATH), WorkerPool(1, WORKER_ENV), slots, LIMITS, tool_timeout=60)
    objects = Deadly(Stores(f"file://{folder}/objects", StoreOptions()), database, 60)
    ingest = Ingest(database, objects, engine, slots, UploadRules(1 << 20, TYPES, LIMITS), 5)
    await ingest.take(await ingest.examine(Source(PHOTO)), WISH)

asyncio.run(main())
"""


@pytest.mark.parametrize("die_at", [1, 2])
async def test_whoever_is_killed_is_followed_by_the_next(
    ingest: Ingest, database: Database, objects: Objects, database_url: str, tmp_path: Path, die_at: int
) -> None:
    argv = [sys.executable, "-c", KILLED, database_url, str(tmp_path), str(die_at)]
    killed = await asyncio.create_subprocess_exec(*argv, cwd=ROOT)
    assert await killed.wait() == -signal.SIGKILL
    count, keys = await left(database, objects)
    assert (count, len(keys)) == (1, die_at)
    asset, created = await take(ingest, PHOTO)
    assert created
    assert await left(database, objects) == (1, sorted(row.object_key for row in asset.renditions))


async def test_a_claim_is_kept_alive(ingest: Ingest, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("library.ingest.LEASE_SECONDS", 0.3)
    at_work = 0

    async def slowly(examined: Examined) -> Look:
        nonlocal at_work
        at_work += 1
        await asyncio.sleep(1)
        return await Ingest.look(ingest, examined)

    monkeypatch.setattr(ingest, "look", slowly)
    taken = await asyncio.gather(*(take(ingest, PHOTO) for _ in range(3)))
    assert at_work == 1
    assert len({asset.id for asset, _ in taken}) == 1


async def test_near_duplicates_at_once_get_into_nobodys_way(
    ingest: Ingest, database: Database, objects: Objects
) -> None:
    uploads = [encode(photo(), "JPEG", quality=quality) for quality in (60, 70, 80, 90)]

    async def until_taken(data: bytes) -> Ingested:
        while True:
            with suppress(Busy):
                return await take(ingest, data)
            await asyncio.sleep(0.05)

    taken = await asyncio.gather(*(until_taken(data) for data in uploads * 4))
    assert len({asset.id for asset, _ in taken}) == 4
    assert [created for _, created in taken].count(True) == 4
    assert await sweep(database, objects, age=timedelta(0)) == Strays()
