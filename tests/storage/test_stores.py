"""Which store a URL and a request name; what they may not name."""

import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT
from exceptions import BucketRefused, InvalidKey
from storage.options import S3Options, StoreOptions, SupabaseOptions
from storage.stores import Stores, locate


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("file:///srv/images", ("file", "pare", "/srv/images")),
        ("file://data/objects", ("file", "pare", "data/objects")),
        ("file:///with%20space", ("file", "pare", "/with space")),
        ("memory://", ("memory", "pare", "")),
        ("memory://tests", ("memory", "tests", "")),
        ("s3://photos", ("s3", "photos", "")),
        ("s3://photos/in/here/", ("s3", "photos", "in/here")),
        ("gs://photos.example.com", ("gs", "photos.example.com", "")),
        ("supabase://photos", ("supabase", "photos", "")),
    ],
)
def test_urls(url: str, location: tuple[str, str, str]) -> None:
    assert locate(url) == location


@pytest.mark.parametrize(
    "url", ["", "photos", "ftp://x", "s3:/x", "s3://", "gs:///k", "file://", "s3://a b", "s3://../x"]
)
def test_wrong_urls(url: str) -> None:
    with pytest.raises(ValueError, match=r"begins with|needs a"):
        locate(url)


async def test_the_default_bucket_may_always_be_named(tmp_path: Path) -> None:
    stores = Stores(f"file://{tmp_path}", StoreOptions())
    for same in (stores.named(), stores.named("local"), stores.named("local", "pare"), stores.named(None, "pare")):
        assert same is stores.default
    await stores.default.put("k", b"x", content_type="image/png")
    assert (tmp_path / "pare" / "k").exists()
    assert stores.default.public_url("k") == "/storage/pare/k"


@pytest.mark.parametrize(
    ("provider", "bucket"),
    [
        (None, "other"),
        ("s3", None),
        ("s3", "pare"),
        ("gcs", "photos"),
        ("local", ".."),
        ("ftp", "pare"),
        ("file", "pare"),
    ],
)
def test_other_buckets_are_refused(provider: str | None, bucket: str | None, tmp_path: Path) -> None:
    stores = Stores(f"file://{tmp_path}", StoreOptions(), ["photos"])
    with pytest.raises(BucketRefused):
        stores.named(provider, bucket)


async def test_allowed_buckets(tmp_path: Path) -> None:
    options = StoreOptions(s3=S3Options(access_key_id="i", secret_access_key="s"), folder=tmp_path)
    stores = Stores("s3://home/folder", options, ["photos", "gs://shared", "file://local"], "https://cdn.example")
    assert stores.default.public_url("k") == "https://cdn.example/folder/k"
    assert stores.named("s3", "photos").public_url("k") == "https://s3.us-east-1.amazonaws.com/photos/k"
    assert stores.named(bucket="photos") is stores.named("s3", "photos")
    assert stores.named("gcs", "shared").public_url("k") == "https://storage.googleapis.com/shared/k"
    await stores.named("local", "local").put("k", b"x", content_type="image/png")
    assert (tmp_path / "local" / "k").exists()
    await stores.close()


@pytest.mark.parametrize("entry", ["..", "a/b", "", "ftp://x", "gs://", "gs://a/b"])
def test_wrong_entries(entry: str) -> None:
    with pytest.raises(ValueError, match="not a bucket"):
        Stores("memory://", StoreOptions(), [entry])


def test_options_do_not_show_their_secrets() -> None:
    options = StoreOptions(s3=S3Options(secret_access_key="hush"), supabase=SupabaseOptions(service_key="hush"))
    assert "hush" not in repr(options)


def test_drivers_are_imported_when_first_used() -> None:
    code = (
        "import sys, storage.stores as s, storage.options as o\n"
        "s.open_store('memory://', o.StoreOptions()); s.open_store('file://x', o.StoreOptions())\n"
        "s.open_store('gs://photos', o.StoreOptions()).public_url('k')\n"
        "print([name for name in ('obstore', 'google.cloud.storage', 'httpx') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


async def test_a_bucket_of_any_name_is_a_folder_of_the_default_one(tmp_path: Path) -> None:
    stores = Stores(f"file://{tmp_path}", StoreOptions(), ["allowed"])
    for bucket, folder in (("shop", "pare/shop"), ("allowed", "allowed"), ("pare", "pare")):
        store = stores.folder(bucket)
        await store.put("a/b.webp", b"x", content_type="image/webp")
        assert (tmp_path / folder / "a" / "b.webp").read_bytes() == b"x"
        assert store.public_url("a/b.webp") == f"/storage/{bucket}/a/b.webp"
        assert (await stores.served(bucket).get("a/b.webp", max_bytes=9)).data == b"x"


@pytest.mark.parametrize("url", ["memory://", "s3://photos", "gs://photos"])
def test_elsewhere_it_is_a_prefix(url: str) -> None:
    stores = Stores(url, StoreOptions(s3=S3Options(access_key_id="a", secret_access_key="b")))
    assert stores.folder("shop").public_url("a").endswith("/shop/a")


@pytest.mark.parametrize("bucket", ["", "..", "a/b", ".hidden", "a b", "a" * 300])
def test_what_is_no_buckets_name(tmp_path: Path, bucket: str) -> None:
    with pytest.raises(InvalidKey):
        Stores(f"file://{tmp_path}", StoreOptions()).folder(bucket)
