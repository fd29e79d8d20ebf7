"""The one way in: the same bytes once, whatever dies where; near-duplicates found and told from look-alikes."""

import asyncio
from pathlib import Path

import pytest

from library.database import Database
from library.ingest import Ingest, UploadRules, Wish
from library.objects import Objects, Place
from library.repository.tenants import Owner
from library.tables import CATALOG
from library.variants import Variant
from optimizers.base import Source
from optimizers.engine import Engine
from storage.options import StoreOptions
from storage.stores import Stores
from tests.conftest import LIMITS
from tests.helpers import decode, encode, photo
from utils.concurrency import Slots

TYPES = frozenset({"image/jpeg", "image/png"})
WISH = Wish(Owner(CATALOG, "shop"), (Variant("thumb", 40, 40, 80), Variant("card", 90, 90, 80)), reuse=True)
PHOTO = encode(photo(), "JPEG", quality=92)


@pytest.fixture
def objects(database: Database, tmp_path: Path) -> Objects:
    return Objects(Stores(f"file://{tmp_path}/objects", StoreOptions()), database, 60)


@pytest.fixture
def ingest(database: Database, objects: Objects, engine: Engine, tmp_path: Path) -> Ingest:
    rules = UploadRules(1 << 20, TYPES, LIMITS)
    return Ingest(database, objects, engine, Slots(tmp_path / "slots", 1, 2), rules, 5)


async def take(ingest: Ingest, data: bytes, wish: Wish = WISH):  # type: ignore[no-untyped-def]
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
