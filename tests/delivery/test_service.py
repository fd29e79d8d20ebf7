"""Variants of originals: named before work, made once, kept in layers, forgotten on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from prometheus_client import REGISTRY

from delivery.origin import Origin
from delivery.parameters import Wishes
from delivery.service import Delivery
from delivery.shelf import Shelf
from exceptions import InvalidKey, ObjectMissing, StorageUnavailable, Unavailable, UnknownFormat
from optimizers.engine import Engine
from storage.options import StoreOptions
from storage.retry import RetryPolicy
from storage.stores import open_store
from tests.helpers import encode, photo
from tests.stores import Place
from utils.concurrency import Slots
from utils.result_cache import MemoryResults, ResultCache, open_cache

PICTURE = encode(photo(64, 48), "JPEG", quality=95)
SMALL = Wishes(width=32, quality=80)
OPTIONS = StoreOptions(retry=RetryPolicy(total=2, tries=1))


def work_done() -> float:
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        if metric.name == "pare_optimizations"
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


class House:
    """A delivery over stores in memory, with the parts that tests look into."""

    def __init__(self, engine: Engine, slots: Slots, results: ResultCache, *, shelf: bool = False) -> None:
        self.originals, self.shelved = open_store("memory://", OPTIONS), open_store("memory://", OPTIONS)
        self.origin = Origin(self.originals, 1 << 20, missing_seconds=60)
        self.results = results
        self.slots = slots
        self.engine = engine
        self.shelf = Shelf(self.shelved) if shelf else None
        self.delivery = self.opened("1")

    def opened(self, revision: str) -> Delivery:
        return Delivery(self.origin, self.engine, self.results, self.shelf, self.slots.place, revision)

    async def keep(self, key: str, data: bytes = PICTURE) -> None:
        await self.originals.put(key, data, content_type="image/jpeg")

    async def ask(self, key: str, wishes: Wishes = SMALL, accept: str = "") -> tuple[bytes, str]:
        variant = await self.delivery.find(key, wishes, accept)
        if known := await self.delivery.known(variant):
            return known.data, "hit"
        image, status = await self.delivery.made(variant, {})
        return image.data, status


@pytest.fixture
def house(engine: Engine) -> House:
    return House(engine, engine._slots, ResultCache(MemoryResults(1 << 24), 1 << 20, 60))


@pytest.fixture
def large_house(engine: Engine) -> House:
    return House(engine, engine._slots, ResultCache(MemoryResults(1 << 24), 1 << 20, 60), shelf=True)


async def test_the_second_call_costs_nothing(house: House) -> None:
    await house.keep("a.jpg")
    before = work_done()
    first, second = await house.ask("a.jpg"), await house.ask("a.jpg")
    assert (first[0], first[1], second[1]) == (second[0], "fwd=miss; stored", "hit")
    assert work_done() - before == 1


async def test_many_at_once_are_one_piece_of_work(house: House) -> None:
    await house.keep("a.jpg")
    before = work_done()
    answers = await asyncio.gather(*(house.ask("a.jpg") for _ in range(50)))
    assert work_done() - before == 1 and len({data for data, _ in answers}) == 1
    assert sorted({status for _, status in answers}) == ["fwd=miss; collapsed", "fwd=miss; stored"]


async def test_the_tag_tells_variants_originals_and_encoders_apart(house: House) -> None:
    await house.keep("a.jpg")
    await house.keep("b.jpg")
    find = house.delivery.find
    tags = [
        (await find("a.jpg", SMALL, "")).etag,
        (await find("b.jpg", SMALL, "")).etag,
        (await find("a.jpg", replace(SMALL, width=33), "")).etag,
        (await find("a.jpg", replace(SMALL, format="auto"), "image/webp")).etag,
        (await find("a.jpg", replace(SMALL, format="webp"), "")).etag,
        (await house.opened("2").find("a.jpg", SMALL, "")).etag,
    ]
    await house.keep("a.jpg", PICTURE + b"another")
    tags.append((await find("a.jpg", SMALL, "")).etag)
    assert len(set(tags)) == len(tags)
    assert all(tag.startswith('W/"') for tag in tags)


async def test_what_comes_to_the_same_has_one_tag(house: House) -> None:
    await house.keep("a.jpg")
    find = house.delivery.find
    auto = replace(SMALL, format="auto")
    assert (await find("a.jpg", auto, "*/*")).etag == (await find("a.jpg", SMALL, "image/avif")).etag
    assert (await find("a.jpg", auto, "image/webp")).etag == (await find("a.jpg", auto, "image/webp,*/*;q=0.1")).etag
    assert (await find("a.jpg", replace(SMALL, versioned=True, expires=9), "")).etag == (
        await find("a.jpg", SMALL, "")
    ).etag


async def test_a_missing_original_is_not_asked_for_again(house: House) -> None:
    with pytest.raises(ObjectMissing):
        await house.ask("a.jpg")
    await house.keep("a.jpg")
    with pytest.raises(ObjectMissing):
        await house.ask("a.jpg")
    await house.delivery.purge("a.jpg", dry_run=True)
    assert (await house.ask("a.jpg"))[1] == "fwd=miss; stored"


async def test_it_may_always_be_asked_for_again(engine: Engine, house: House) -> None:
    house.origin._missing_seconds = 0
    with pytest.raises(ObjectMissing):
        await house.ask("a.jpg")
    await house.keep("a.jpg")
    assert await house.ask("a.jpg")


async def test_refusals_are_not_kept(house: House) -> None:
    await house.keep("a.jpg", b"no image")
    for _ in range(2):
        with pytest.raises(UnknownFormat):
            await house.ask("a.jpg")
    assert await house.delivery.purge("a.jpg", dry_run=True) == []


@pytest.mark.parametrize("key", ["", "/a.jpg", "../a.jpg", "a/../b", "a\\b", "a\0b", "%2e%2e/a", "a//b", "x" * 2000])
async def test_a_key_that_no_store_should_see(house: House, key: str) -> None:
    with pytest.raises(InvalidKey):
        await house.delivery.find(key, SMALL, "")
    with pytest.raises(InvalidKey):
        await house.delivery.purge(key, dry_run=True)


async def test_the_bucket_outlives_the_cache(large_house: House) -> None:
    house = large_house
    await house.keep("a.jpg")
    first, status = await house.ask("a.jpg")
    assert status == "fwd=miss; stored"
    house.results._results._entries.clear()  # type: ignore[attr-defined]
    before = work_done()
    assert await house.ask("a.jpg") == (first, "hit; detail=bucket")
    assert await house.ask("a.jpg") == (first, "hit")
    assert work_done() == before


async def test_spoilt_entries_are_made_again(large_house: House) -> None:
    house = large_house
    await house.keep("a.jpg")
    first, _ = await house.ask("a.jpg")
    variant = await house.delivery.find("a.jpg", SMALL, "")
    for spoilt in (b"", b"nonsense", b"\x80", b"\x81\xa4data\xa1x"):
        await house.results.put(variant.key, spoilt)
        await house.shelved.put(variant.key.replace(":", "/"), spoilt, content_type="")
        assert await house.ask("a.jpg") == (first, "fwd=miss; stored")


async def test_a_purge_reaches_every_layer_and_nothing_else(large_house: House) -> None:
    house = large_house
    for key in ("a.jpg", "a.jpg.jpg"):
        await house.keep(key)
        for width in (10, 20):
            await house.ask(key, replace(SMALL, width=width))
    house.results._results._entries.popitem(last=False)  # type: ignore[attr-defined]
    expected = ["format=original&q=80&w=10", "format=original&q=80&w=20"]
    assert await house.delivery.purge("a.jpg", dry_run=True) == expected
    assert await house.delivery.purge("a.jpg", dry_run=False) == expected
    assert await house.delivery.purge("a.jpg", dry_run=False) == []
    assert await house.delivery.purge("a.jpg.jpg", dry_run=True) == expected
    assert (await house.ask("a.jpg", replace(SMALL, width=20)))[1] == "fwd=miss; stored"


async def test_an_original_that_is_replaced_meanwhile_is_not_mistaken_for_the_earlier_one(house: House) -> None:
    await house.keep("a.jpg")
    variant = await house.delivery.find("a.jpg", SMALL, "")
    await house.keep("a.jpg", PICTURE + b"another")
    assert (await house.delivery.made(variant, {}))[1] == "fwd=miss"
    assert await house.delivery.purge("a.jpg", dry_run=True) == []


async def test_variants_of_an_earlier_original_go_too(large_house: House) -> None:
    house = large_house
    await house.keep("a.jpg")
    await house.ask("a.jpg")
    await house.keep("a.jpg", PICTURE + b"another")
    await house.ask("a.jpg")
    await house.originals.delete("a.jpg")
    assert await house.delivery.purge("a.jpg", dry_run=False) == ["format=original&q=80&w=32"]
    assert [info async for info in house.shelved.list()] == []


async def test_a_bucket_that_fails_costs_no_answer(large_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = large_house
    await house.keep("a.jpg")

    async def fails(*_: object, **__: object) -> None:
        raise StorageUnavailable("down")

    for verb in ("get", "put"):
        monkeypatch.setattr(house.shelved, verb, fails)
    assert (await house.ask("a.jpg"))[1] == "fwd=miss; stored"
    monkeypatch.undo()
    assert (await house.ask("a.jpg"))[1] == "hit"
    await house.shelved.put((await house.delivery.find("a.jpg", SMALL, "")).key.replace(":", "/"), b"", content_type="")
    monkeypatch.setattr(house.shelved, "delete", fails)
    with pytest.raises(StorageUnavailable):
        await house.delivery.purge("a.jpg", dry_run=False)


@asynccontextmanager
async def over_redis(engine: Engine, url: str) -> AsyncIterator[House]:
    async with open_cache(url, 1 << 24, 1 << 20, 60, room="delivery") as results:
        yield House(engine, engine._slots, results)


async def test_redis_keeps_and_forgets(engine: Engine, redis_server: str) -> None:
    async with over_redis(engine, redis_server) as house:
        for key in ("r.jpg", "s.jpg"):
            await house.keep(key)
            await house.ask(key)
        await house.ask("r.jpg", replace(SMALL, width=8))
        expected = ["format=original&q=80&w=32", "format=original&q=80&w=8"]
        assert await house.delivery.purge("r.jpg", dry_run=True) == expected
        assert (await house.ask("r.jpg"))[1] == "hit"
        assert await house.delivery.purge("r.jpg", dry_run=False) == expected
        assert (await house.ask("r.jpg"))[1] == "fwd=miss; stored"
        assert (await house.ask("s.jpg"))[1] == "hit"
        await house.delivery.purge("r.jpg", dry_run=False)
        await house.delivery.purge("s.jpg", dry_run=False)
        assert await house.results._results._client.get("pare:delivery-bytes") == b"0"  # type: ignore[attr-defined]


async def test_a_purge_that_redis_does_not_answer_is_no_purge(engine: Engine) -> None:
    async with over_redis(engine, "redis://127.0.0.1:1/0") as house:
        await house.keep("a.jpg")
        assert await house.ask("a.jpg")
        with pytest.raises(Unavailable):
            await house.delivery.purge("a.jpg", dry_run=True)


@pytest.mark.parametrize("place", ["s3_place", "gcs_place", "supabase_place"])
async def test_any_store_may_hold_originals_and_variants(
    engine: Engine, house: House, place: str, request: pytest.FixtureRequest
) -> None:
    found: Place = request.getfixturevalue(place)
    store = open_store(found.url + "/originals", found.options)
    shelf = open_store(found.url + "/variants", found.options)
    house.origin, house.shelf = Origin(store, 1 << 20, 0), Shelf(shelf)
    house.delivery = house.opened("1")
    await store.put("shop/a b.jpg", PICTURE, content_type="image/jpeg")
    with pytest.raises(ObjectMissing):
        await house.ask("shop/none.jpg")
    wishes = Wishes(width=20, height=20, quality=None, format="auto")
    first = await house.ask("shop/a b.jpg", wishes, "image/webp")
    house.results._results._entries.clear()  # type: ignore[attr-defined]
    assert await house.ask("shop/a b.jpg", wishes, "image/webp") == (first[0], "hit; detail=bucket")
    assert await house.delivery.purge("shop/a b.jpg", dry_run=False) == ["fit=inside&format=auto-webp&h=20&q=auto&w=20"]
    assert await house.delivery.purge("shop/a b.jpg", dry_run=False) == []
    await house.delivery.close()
