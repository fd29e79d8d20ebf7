"""The library in another store: every object, verified, however often it is cut off."""

from pathlib import Path

import pytest

from exceptions import StorageError
from library.database import Database
from library.ingest import Ingest, Wish
from library.move import Move, Moved
from library.objects import Objects, Place
from library.repository.tenants import Owner
from library.tables import CATALOG
from library.variants import Variant
from optimizers.base import Source
from storage.base import StoredObject
from storage.store import Store
from storage.stores import Stores
from tests.helpers import encode, photo
from tests.stores import Place as StorePlace

WISH = Wish(Owner(CATALOG, "shop"), (Variant("thumb", 40, 40, 80), Variant("card", 90, 90, 80)))


@pytest.fixture(params=["s3", "gcs"])
def target(request: pytest.FixtureRequest, database: Database) -> Objects:
    place: StorePlace = request.getfixturevalue(f"{request.param}_place")
    return Objects(Stores(place.url, place.options), database, 60)


@pytest.fixture
async def kept(ingest: Ingest) -> list[Place]:
    places = []
    for seed in range(2):
        asset, _ = await ingest.take(await ingest.examine(Source(encode(photo(seed=seed), "JPEG"))), WISH)
        places += [Place(row.bucket, row.object_key) for row in asset.renditions]
    return places


async def test_everything_is_copied_and_once(
    database: Database, objects: Objects, target: Objects, kept: list[Place], tmp_path: Path
) -> None:
    move = Move(database, objects, target, tmp_path / "moves" / "ledger")
    assert await move.run() == Moved(copied=4)
    for place in kept:
        here, there = [await store.store("").get(place.key, max_bytes=1 << 20) for store in (objects, target)]
        assert here.data == there.data
        assert there.info.content_type == "image/jpeg"
    assert await move.run() == Moved(known=4)


async def test_a_move_that_was_cut_off_goes_on(
    database: Database, objects: Objects, target: Objects, kept: list[Place], tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"
    await Move(database, objects, target, ledger).run()
    whole = ledger.read_text().splitlines(keepends=True)
    ledger.write_text(whole[0] + whole[1][:30])
    assert await Move(database, objects, target, ledger).run() == Moved(copied=3, known=1)
    assert await Move(database, objects, target, ledger).run() == Moved(known=4)


async def test_what_is_missing_or_arrives_otherwise_is_said(
    database: Database,
    objects: Objects,
    target: Objects,
    kept: list[Place],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await objects.store("").delete(kept[0].key)
    store, lies = target.store(""), {kept[1].key: b"lie", kept[2].key: None}
    real = Store.get

    async def get(self: Store, key: str, *, max_bytes: int) -> StoredObject:
        found = await real(self, key, max_bytes=max_bytes)
        if self is store and key in lies:
            if (lie := lies[key]) is None:
                raise StorageError("gone")
            return StoredObject(found.info, lie)
        return found

    monkeypatch.setattr(Store, "get", get)
    move = Move(database, objects, target, tmp_path / "ledger")
    assert await move.run() == Moved(copied=1, missing=1, failed=2)
    monkeypatch.undo()
    assert await move.run() == Moved(copied=2, known=1, missing=1)
