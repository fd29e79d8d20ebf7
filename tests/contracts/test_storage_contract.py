"""One contract for every store: a folder, memory, S3 (moto), Google's (its emulator), Supabase's paths (a stand-in)."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from exceptions import AlreadyExists, InvalidKey, ObjectMissing, PayloadTooLarge, StorageError
from storage.options import StoreOptions
from storage.store import Store
from storage.stores import open_store
from tests.stores import Place

REMOTE = ["s3", "gcs", "supabase"]
MEBIBYTE = 1 << 20


@pytest.fixture
def memory_place() -> Place:
    return Place("memory://", StoreOptions())


@pytest.fixture
def local_place(tmp_path: Path) -> Place:
    return Place(f"file://{tmp_path}/objects", StoreOptions())


@pytest.fixture(params=["memory", "local", *REMOTE])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    opened = open_store(place.url, place.options)
    yield opened
    await opened.close()


async def keys(store: Store, prefix: str = "") -> list[str]:
    return [info.key async for info in store.list(prefix)]


async def test_what_is_put_is_got(store: Store) -> None:
    data = bytes(range(256)) * 40
    await store.put("photos/2026/sea.webp", data, content_type="image/webp", cache_control="public, max-age=60")
    found = await store.get("photos/2026/sea.webp", max_bytes=MEBIBYTE)
    assert found.data == data
    assert (found.info.key, found.info.size) == ("photos/2026/sea.webp", len(data))
    assert (found.info.content_type, found.info.cache_control) == ("image/webp", "public, max-age=60")


async def test_stat_says_the_same_without_the_bytes(store: Store) -> None:
    await store.put("a/b.png", b"12345", content_type="image/png", cache_control="no-store")
    got, told = (await store.get("a/b.png", max_bytes=5)).info, await store.stat("a/b.png")
    assert (told.key, told.size, told.content_type, told.cache_control) == ("a/b.png", 5, "image/png", "no-store")
    assert told.etag == got.etag != ""
    assert abs((told.modified - got.modified).total_seconds()) < 1
    assert told.modified.tzinfo is not None


async def test_a_type_need_not_be_in_the_name(store: Store) -> None:
    await store.put("0f3a", b"x", content_type="image/avif")
    assert (await store.stat("0f3a")).content_type == "image/avif"


async def test_put_replaces_all_of_an_object(store: Store) -> None:
    await store.put("k", b"a long one", content_type="image/png", cache_control="no-store")
    before = (await store.stat("k")).etag
    await store.put("k", b"short", content_type="image/webp", cache_control="private")
    found = await store.get("k", max_bytes=100)
    assert (found.data, found.info.content_type) == (b"short", "image/webp")
    assert found.info.cache_control == "private"
    assert found.info.etag != before


async def test_create_only_leaves_what_is_there(store: Store) -> None:
    await store.put("k", b"first", content_type="image/png", create_only=True)
    with pytest.raises(AlreadyExists):
        await store.put("k", b"second", content_type="image/webp", create_only=True)
    found = await store.get("k", max_bytes=100)
    assert (found.data, found.info.content_type) == (b"first", "image/png")


async def test_missing_objects(store: Store) -> None:
    await store.put("folder/object", b"x", content_type="image/png")
    for key in ("nothing", "folder", "folder/object/below"):
        with pytest.raises(ObjectMissing):
            await store.get(key, max_bytes=100)
        with pytest.raises(ObjectMissing):
            await store.stat(key)


async def test_deleting_twice_is_no_error(store: Store) -> None:
    await store.put("a/k", b"x", content_type="image/png")
    await store.delete("a/k")
    await store.delete("a/k")
    with pytest.raises(ObjectMissing):
        await store.stat("a/k")
    assert await keys(store) == []


async def test_a_deleted_object_leaves_nothing_to_its_successor(store: Store) -> None:
    await store.put("k.png", b"x", content_type="image/webp", cache_control="no-store")
    await store.delete("k.png")
    await store.put("k.png", b"y", content_type="image/png")
    found = await store.stat("k.png")
    assert found.content_type == "image/png"
    assert found.cache_control != "no-store"


async def test_objects_over_the_limit_are_refused(store: Store) -> None:
    await store.put("k", b"123456", content_type="image/png")
    with pytest.raises(PayloadTooLarge) as refused:
        await store.get("k", max_bytes=5)
    assert refused.value.extensions == {"limit": 5, "actual": 6}
    assert (await store.get("k", max_bytes=6)).data == b"123456"


async def test_list_is_by_folder_at_any_depth_in_order(store: Store) -> None:
    for key in ("b/2", "a", "b/1/x", "bc/1", "b/10"):
        await store.put(key, b"x", content_type="image/png")
    assert await keys(store) == ["a", "b/1/x", "b/10", "b/2", "bc/1"]
    assert await keys(store, "b") == ["b/1/x", "b/10", "b/2"]
    assert await keys(store, "b/") == await keys(store, "b")
    assert await keys(store, "b/1") == ["b/1/x"]
    assert await keys(store, "nothing") == []
    assert [info.size async for info in store.list("bc")] == [1]


async def test_empty_and_large_objects(store: Store) -> None:
    large = bytes(9 * MEBIBYTE) + b"end"
    await store.put("empty", b"", content_type="image/png")
    await store.put("large", large, content_type="image/tiff")
    assert (await store.get("empty", max_bytes=1)).data == b""
    assert (await store.get("large", max_bytes=len(large))).data == large


NAMES = ["a b.png", "q'()&=+;:@,$!.png", "100% wool?.png", "deep/er/and/deeper/x.png"]
UNICODE = ["ü/ñandú ☂.png", "hash#tag.png", "tilde~^[1].png"]


async def test_keys_are_taken_as_they_are(store: Store, place: Place) -> None:
    names = sorted(NAMES[:2] + NAMES[3:] if place.url.startswith("supabase") else NAMES + UNICODE)
    for name in names:
        await store.put(name, name.encode(), content_type="image/png")
    assert sorted(await keys(store)) == names
    for name in names:
        assert (await store.get(name, max_bytes=100)).data == name.encode()
        assert (await store.stat(name)).key == name


BAD = [
    "",
    "/a",
    "a/",
    "a//b",
    "../a",
    "a/../b",
    "a/.",
    "a\\b",
    "a\nb",
    "a\0",
    "%2e%2e/a",
    "a/%252e%252e",
    "a%2f..",
    "a%5cb",
]


@pytest.mark.parametrize("key", [*BAD, "x" * 256, "/".join(["x" * 200] * 6), "\ud800"])
async def test_bad_keys_are_refused_by_every_verb(store: Store, key: str) -> None:
    with pytest.raises(InvalidKey):
        await store.put(key, b"x", content_type="image/png")
    with pytest.raises(InvalidKey):
        await store.get(key, max_bytes=1)
    with pytest.raises(InvalidKey):
        await store.stat(key)
    with pytest.raises(InvalidKey):
        await store.delete(key)
    with pytest.raises(InvalidKey):
        await store.signed_url(key, seconds=60)
    with pytest.raises(InvalidKey):
        store.public_url(key)


async def test_a_store_may_be_a_folder_of_a_bucket(place: Place) -> None:
    if place.url.startswith(("file", "memory")):
        place = Place("memory://bucket", place.options)
    folder = open_store(f"{place.url}/in/here", place.options)
    await folder.put("a/k", b"x", content_type="image/png")
    assert await keys(folder) == ["a/k"]
    assert (await folder.stat("a/k")).key == "a/k"
    assert (await folder.get("a/k", max_bytes=1)).info.key == "a/k"
    assert folder.public_url("a/k").endswith("/in/here/a/k")
    if place.front:
        whole = open_store(place.url, place.options)
        assert await keys(whole) == ["in/here/a/k"]
        await whole.close()
    await folder.close()


async def test_public_urls(store: Store, place: Place) -> None:
    url = store.public_url("a b/ü#?.png")
    assert url.endswith("/a%20b/%C3%BC%23%3F.png")
    assert url.startswith(place.front.url if place.front else "/storage/")
    assert open_store(place.url, place.options, public_base="https://cdn.example/x/").public_url("k") in (
        "https://cdn.example/x/k"
    )


async def test_signed_urls_are_fetched_by_anybody(store: Store, place: Place) -> None:
    await store.put("a b/x.png", b"signed", content_type="image/png")
    url = await store.signed_url("a b/x.png", seconds=60)
    if place.front is None:
        assert url == store.public_url("a b/x.png"), "what this service serves itself is public"
        return
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(url)
    assert (answer.status_code, answer.content) == (200, b"signed")
    assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize("name", REMOTE)
async def test_a_bucket_that_is_not_there_is_said(name: str, request: pytest.FixtureRequest) -> None:
    place: Place = request.getfixturevalue(f"{name}_place")
    store = open_store(f"{place.url.split('://')[0]}://no-such-bucket", place.options)
    with pytest.raises(StorageError, match="the bucket does not exist") as failed:
        await store.put("k", b"x", content_type="image/png")
    assert not isinstance(failed.value, ObjectMissing)
    await store.close()
