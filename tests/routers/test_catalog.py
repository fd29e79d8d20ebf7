"""/v1 over HTTP, with its tables in SQLite and in PostgreSQL."""

import hashlib
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from PIL import Image, ImageOps

from tests.conftest import start_service
from tests.helpers import decode, encode, graphic, photo

PRESETS = '{"thumb":{"width":60,"height":60,"fit":"cover"},"card":{"width":120,"height":120}}'
KEY = {"X-API-Key": "k1"}
TOKEN = "purge-me"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def catalog(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    settings = {"API_KEY": "k1", "PRESETS": PRESETS, "PURGE_CONFIRM_TOKEN": TOKEN, "PURGE_MIN_AGE_SECONDS": "0"}
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_server").create(f"v1_{secrets.token_hex(6)}")
    process, address = start_service(tmp_path_factory.mktemp("catalog"), MAX_UPLOAD_BYTES="200000", **settings)
    with httpx.Client(base_url=address, timeout=60, trust_env=False, headers=KEY) as client:
        yield client
    process.terminate()
    assert process.wait(timeout=40) == 0


@pytest.fixture
def tenant() -> str:
    return f"shop-{secrets.token_hex(4)}"


def send(catalog: httpx.Client, tenant: str, data: bytes, name: str = "shoe.jpg") -> httpx.Response:
    return catalog.post("/v1/images", data={"tenant": tenant}, files={"file": (name, data)})


def kept(catalog: httpx.Client, tenant: str, data: bytes) -> dict[str, Any]:
    answer = send(catalog, tenant, data)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    return encode(image, "JPEG", quality=quality)


def urls(asset: dict[str, Any]) -> set[str]:
    return {rendition["url"] for rendition in asset["renditions"]}


def test_the_same_bytes_are_the_same_asset(catalog: httpx.Client, tenant: str) -> None:
    data = jpeg(photo(240, 160))
    first, again = send(catalog, tenant, data, "../my shoe.jpg"), send(catalog, tenant, data, "other.jpg")
    assert (first.status_code, again.status_code) == (201, 200)
    asset = first.json()
    assert first.headers["location"] == f"/v1/images/{asset['id']}"
    assert again.json() == asset == catalog.get(first.headers["location"]).json()
    assert asset["tenant_id"] == tenant
    assert asset["content_hash"] == hashlib.sha256(data).hexdigest()
    assert asset["original_filename"] == "my shoe.jpg"
    assert (asset["original_size_bytes"], asset["original_width"], asset["original_height"]) == (len(data), 240, 160)
    assert (asset["in_use_count"], asset["similar"]) == (0, [])


def test_renditions_are_served_at_their_urls(catalog: httpx.Client, tenant: str) -> None:
    asset = kept(catalog, tenant, jpeg(photo(240, 160)))
    assert [(r["preset"], r["width"], r["height"], r["quality"]) for r in asset["renditions"]] == [
        ("thumb", 60, 60, 85),
        ("card", 120, 80, 85),
    ]
    for rendition in asset["renditions"]:
        served = httpx.get(str(catalog.base_url.join(rendition["url"])), trust_env=False)
        assert (served.status_code, served.headers["content-type"]) == (200, "image/jpeg")
        assert "immutable" in served.headers["cache-control"]
        assert len(served.content) == rendition["size_bytes"]
        assert decode(served.content).size == (rendition["width"], rendition["height"])


def test_transparency_is_kept_as_png(catalog: httpx.Client, tenant: str) -> None:
    asset = kept(catalog, tenant, encode(graphic(alpha=True), "PNG"))
    for rendition in asset["renditions"]:
        image = decode(catalog.get(rendition["url"]).content)
        assert image.format == "PNG"
        assert image.convert("RGBA").getchannel("A").getextrema()[0] < 10
    opaque = kept(catalog, tenant, encode(graphic().convert("RGBA"), "PNG"))
    assert {decode(catalog.get(url).content).format for url in urls(opaque)} == {"JPEG"}


def test_renditions_carry_no_metadata(catalog: httpx.Client, tenant: str) -> None:
    image = photo(240, 160)
    exif = image.getexif()
    exif[0x010E] = "a secret place"
    exif[0x0112] = 6
    asset = kept(catalog, tenant, encode(image, "JPEG", exif=exif))
    assert (asset["original_width"], asset["original_height"]) == (160, 240)
    for rendition in asset["renditions"]:
        assert b"secret" not in catalog.get(rendition["url"]).content
    assert [(r["width"], r["height"]) for r in asset["renditions"]] == [(60, 60), (80, 120)]


def test_a_near_duplicate_reuses_the_renditions(catalog: httpx.Client, tenant: str) -> None:
    image = photo(400, 300, seed=3)
    first = kept(catalog, tenant, jpeg(image, 95))
    near = kept(catalog, tenant, jpeg(image.resize((320, 240)), 70))
    assert near["id"] != first["id"]
    assert [entry["id"] for entry in near["similar"]] == [first["id"]]
    assert near["similar"][0]["distance"] <= 5
    assert urls(near) == urls(first)
    assert {r["id"] for r in near["renditions"]}.isdisjoint(r["id"] for r in first["renditions"])


def test_a_larger_near_duplicate_is_drawn_anew(catalog: httpx.Client, tenant: str) -> None:
    image = photo(400, 300, seed=4)
    small = kept(catalog, tenant, jpeg(image.resize((80, 60))))
    large = kept(catalog, tenant, jpeg(image))
    assert [entry["id"] for entry in large["similar"]] == [small["id"]]
    assert urls(large).isdisjoint(urls(small))


def test_the_same_thing_in_another_colour_is_only_reported(catalog: httpx.Client, tenant: str) -> None:
    grey = photo(240, 160, seed=5).convert("L")
    red, blue = (ImageOps.colorize(grey, "black", colour) for colour in ("#ff4040", "#4060ff"))
    first, other = kept(catalog, tenant, jpeg(red)), kept(catalog, tenant, jpeg(blue))
    assert [entry["id"] for entry in other["similar"]] == [first["id"]]
    assert urls(first).isdisjoint(urls(other))


def test_tenants_see_nothing_of_each_other(catalog: httpx.Client, tenant: str) -> None:
    data = jpeg(photo(240, 160, seed=6))
    mine, theirs = kept(catalog, tenant, data), kept(catalog, tenant + "-x", data)
    assert mine["id"] != theirs["id"]
    assert urls(mine).isdisjoint(urls(theirs))
    assert mine["similar"] == theirs["similar"] == []


def test_twenty_uploads_at_once_are_one_asset(catalog: httpx.Client, tenant: str) -> None:
    data = jpeg(photo(240, 160, seed=7))
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: send(catalog, tenant, data), range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert catalog.get("/v1/metrics").json()["tenant_counts"][tenant] == 1


def test_use_is_counted_by_the_caller(catalog: httpx.Client, tenant: str) -> None:
    asset = kept(catalog, tenant, jpeg(photo(100, 80)))
    path = f"/v1/images/{asset['id']}"
    assert catalog.patch(path, json={"in_use_count": 3}).json() == {**asset, "in_use_count": 3}
    assert catalog.get(path).json()["in_use_count"] == 3
    for wrong in ({"in_use_count": -1}, {"in_use_count": "3"}, {}, {"in_use_count": 1, "id": "x"}, []):
        refused = catalog.patch(path, json=wrong)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_options")


@pytest.mark.parametrize("name", ["0b8f6a52-4a44-4d0c-9d0e-6a6f4f2f4c11", "x", "%00", "0B8F6A52"])
def test_what_is_not_there_is_said(catalog: httpx.Client, name: str) -> None:
    for answer in (catalog.get(f"/v1/images/{name}"), catalog.patch(f"/v1/images/{name}", json={"in_use_count": 1})):
        assert (answer.status_code, answer.json()["code"]) == (404, "missing")


def test_presets_are_compared_at_their_own_size(catalog: httpx.Client, tenant: str) -> None:
    data = jpeg(photo(240, 160, seed=8), 95)
    answer = catalog.post("/v1/compare", files={"file": ("a.jpg", data)}, data={"min_score": "50"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["metric"] == "ssimulacra2"
    assert [(r["preset"], r["width"], r["height"]) for r in body["results"]] == [("thumb", 60, 60), ("card", 120, 80)]
    assert all(50 < result["quality_metric"] <= 100 for result in body["results"])
    assert body["recommended"] == min(body["results"], key=lambda result: result["size_bytes"])["preset"]
    kept_too = catalog.post("/v1/compare", json={"id": kept(catalog, tenant, data)["id"], "min_score": 99.9}).json()
    assert (kept_too["results"], kept_too["recommended"]) == (body["results"], None)
    assert catalog.post("/v1/compare", json={"id": "x"}).status_code == 404


def test_a_purge_takes_only_what_nobody_uses(catalog: httpx.Client, tenant: str) -> None:
    used, unused = (kept(catalog, tenant, jpeg(photo(100, 80, seed=seed))) for seed in (10, 11))
    catalog.patch(f"/v1/images/{used['id']}", json={"in_use_count": 1})
    dry = catalog.post("/v1/purge", json={"dry_run": True}).json()
    assert (dry["dry_run"], dry["deleted_count"]) == (True, 0)
    assert unused["content_hash"] in dry["candidates"]
    assert used["content_hash"] not in dry["candidates"]
    for wrong in ({"dry_run": False}, {"dry_run": False, "confirm_token": "x"}, {"confirm_token": "x"}):
        refused = catalog.post("/v1/purge", json=wrong)
        assert (refused.status_code, refused.json()["code"]) == (403, "purge_refused")
    done = catalog.post("/v1/purge", json={"dry_run": False, "confirm_token": TOKEN}).json()
    assert done["deleted_count"] == len(done["candidates"]) == len(dry["candidates"])
    assert catalog.get(f"/v1/images/{unused['id']}").status_code == 404
    assert {catalog.get(url).status_code for url in urls(unused)} == {404}
    assert {catalog.get(url).status_code for url in urls(used)} == {200}
    assert catalog.post("/v1/purge", json={"dry_run": True}).json()["candidates"] == []


def test_shared_renditions_outlive_the_one_they_were_made_for(catalog: httpx.Client, tenant: str) -> None:
    image = photo(400, 300, seed=12)
    first, near = kept(catalog, tenant, jpeg(image, 95)), kept(catalog, tenant, jpeg(image, 60))
    assert urls(first) == urls(near)
    catalog.patch(f"/v1/images/{near['id']}", json={"in_use_count": 1})
    catalog.post("/v1/purge", json={"dry_run": False, "confirm_token": TOKEN})
    assert catalog.get(f"/v1/images/{first['id']}").status_code == 404
    assert {catalog.get(url).status_code for url in urls(near)} == {200}
    assert catalog.get(f"/v1/images/{near['id']}").json()["similar"] == []


def test_bytes_are_counted_for_each_preset(catalog: httpx.Client, tenant: str) -> None:
    before = catalog.get("/v1/metrics").json()["bytes_per_preset"]
    asset = kept(catalog, tenant, jpeg(photo(240, 160, seed=13)))
    after = catalog.get("/v1/metrics").json()["bytes_per_preset"]
    for rendition in asset["renditions"]:
        assert after[rendition["preset"]] - before.get(rendition["preset"], 0) == rendition["size_bytes"]


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"no image", 415, "unknown_format"),
        (encode(graphic(), "GIF"), 415, "format_refused"),
        (jpeg(photo(240, 160))[:3000], 422, "undecodable_image"),
        (b"\xff\xd8\xff" + bytes(300_000), 413, "payload_too_large"),
    ],
    ids=["empty", "text", "gif", "cut", "large"],
)
def test_what_cannot_be_kept_leaves_nothing(
    catalog: httpx.Client, tenant: str, data: bytes, status: int, code: str
) -> None:
    refused = send(catalog, tenant, data)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert tenant not in catalog.get("/v1/metrics").json()["tenant_counts"]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101])
def test_a_tenant_has_a_name(catalog: httpx.Client, name: str) -> None:
    refused = send(catalog, name, jpeg(photo()))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/tenant")


def test_a_key_is_needed(catalog: httpx.Client) -> None:
    with httpx.Client(base_url=catalog.base_url, trust_env=False, timeout=60) as stranger:
        answers = [
            stranger.post("/v1/images", data={"tenant": "a"}, files={"file": b"x"}),
            stranger.get("/v1/images/x"),
            stranger.patch("/v1/images/x", json={}),
            stranger.post("/v1/compare", json={}),
            stranger.post("/v1/purge", json={}),
            stranger.get("/v1/metrics"),
        ]
    assert {(answer.status_code, answer.headers["www-authenticate"][:6]) for answer in answers} == {(401, "Bearer")}


def test_without_a_token_nothing_is_purged(service: httpx.Client) -> None:
    for wish in ({"dry_run": True}, {"dry_run": False, "confirm_token": ""}):
        assert service.post("/v1/purge", json=wish).status_code == 403
