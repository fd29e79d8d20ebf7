"""Objects in a folder: nothing outside it, nothing half written, nothing of its own in sight."""

import asyncio
import os
from pathlib import Path

import pytest

from exceptions import AlreadyExists, InvalidKey, ObjectMissing, StorageError
from storage.options import StoreOptions
from storage.store import Store
from storage.stores import open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "objects"
    made.mkdir()
    return made


@pytest.fixture
def store(folder: Path) -> Store:
    return open_store(f"file://{folder}", StoreOptions(), served_as="photos")


async def test_objects_are_plain_files(store: Store, folder: Path) -> None:
    await store.put("a/b.png", b"data", content_type="image/png")
    assert (folder / "a" / "b.png").read_bytes() == b"data"
    assert store.public_url("a/b.png") == "/storage/photos/a/b.png"


async def test_files_of_others_have_the_type_that_their_name_says(store: Store, folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "theirs.png").write_bytes(b"x")
    (folder / "nameless").write_bytes(b"y")
    assert (await store.stat("sub/theirs.png")).content_type == "image/png"
    assert (await store.stat("nameless")).content_type == "application/octet-stream"
    assert [info.key async for info in store.list()] == ["nameless", "sub/theirs.png"]


async def test_links_out_of_the_folder_lead_nowhere(store: Store, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "objects-private"
    outside.mkdir()
    (outside / "secret.png").write_bytes(b"secret")
    (folder / "link.png").symlink_to(outside / "secret.png")
    (folder / "linked").symlink_to(outside)
    for key in ("link.png", "linked/secret.png"):
        with pytest.raises(InvalidKey):
            await store.get(key, max_bytes=100)
        with pytest.raises(InvalidKey):
            await store.stat(key)
        with pytest.raises(InvalidKey):
            await store.put(key, b"mine", content_type="image/png")
        with pytest.raises(InvalidKey):
            await store.delete(key)
    assert [info.key async for info in store.list()] == []
    assert (outside / "secret.png").read_bytes() == b"secret"


async def test_pipes_and_names_that_are_not_text_are_no_objects(store: Store, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / os.fsdecode(b"latin-\xfc.png")).write_bytes(b"x")
    (folder / "plain.png").write_bytes(b"x")
    assert [info.key async for info in store.list()] == ["plain.png"]
    with pytest.raises(ObjectMissing):
        await store.get("pipe", max_bytes=100)


async def test_its_own_folder_is_no_object(store: Store) -> None:
    await store.put("a.png", b"x", content_type="image/webp")
    for key in (".pare/attributes/a.png", ".pare/x"):
        with pytest.raises(InvalidKey):
            await store.get(key, max_bytes=100)
        with pytest.raises(InvalidKey):
            await store.put(key, b"x", content_type="image/png")
        with pytest.raises(InvalidKey):
            await store.delete(key)
    with pytest.raises(InvalidKey):
        _ = [info async for info in store.list(".pare")]


async def test_an_object_and_a_folder_cannot_share_a_name(store: Store) -> None:
    await store.put("a/b", b"x", content_type="image/png")
    await store.put("c", b"x", content_type="image/png")
    for key in ("a", "c/d"):
        with pytest.raises(AlreadyExists):
            await store.put(key, b"y", content_type="image/png")


async def test_readers_see_one_object_whole(store: Store, folder: Path) -> None:
    versions = [bytes([number]) * 300_000 for number in range(8)]
    await store.put("k", versions[0], content_type="image/png")

    async def read() -> None:
        for _ in range(20):
            assert (await store.get("k", max_bytes=1 << 20)).data in versions

    writes = (store.put("k", version, content_type="image/png") for version in versions)
    await asyncio.gather(read(), read(), *writes)
    assert list((folder / ".pare" / "unfinished").iterdir()) == []


async def test_one_of_many_creators_wins(store: Store) -> None:
    made = await asyncio.gather(
        *(store.put("k", bytes([n]), content_type="image/png", create_only=True) for n in range(8)),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in made) == ["AlreadyExists"] * 7 + ["NoneType"]


async def test_a_full_disk_is_said_and_leaves_nothing(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageError, match="cannot be written"):
        await store.put("k", b"x", content_type="image/png")
    assert [name for _, _, names in os.walk(folder) for name in names] == []


async def test_spoilt_attributes_count_as_none(store: Store, folder: Path) -> None:
    await store.put("k.png", b"x", content_type="image/webp")
    for text in (b"{", b"[]", b"{}", b"7", b"\xff"):
        (folder / ".pare" / "attributes" / "k.png").write_bytes(text)
        assert (await store.stat("k.png")).content_type == "image/png"
