"""/api/v1 as its users see it: a service and a worker, on either database and either broker."""

import csv
import io
import json
import secrets
import struct
import uuid
import zlib
from collections.abc import Iterator

import httpx
import pytest

from tests.helpers import decode, encode, graphic, photo
from tests.library.house import House, opened, token, wait_for

JPEG = encode(photo(800, 600), "JPEG", quality=92)
SIZES = {"thumbnail": (150, 112), "medium": (600, 450), "large": (800, 600), "original": (800, 600)}
NOWHERE = str(uuid.uuid4())


@pytest.fixture(scope="module", params=["sqlite and a folder", "postgresql and redis"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = {}
    if request.param != "sqlite and a folder":
        url = request.getfixturevalue("postgres_server").create(f"doors_{secrets.token_hex(6)}")
        settings = {"DATABASE_URL": url, "REDIS_URL": request.getfixturevalue("redis_server")}
    with opened(tmp_path_factory.mktemp("house"), **settings) as found:
        found.hire()
        yield found


@pytest.fixture(scope="module")
def done(house: House) -> dict[str, str]:
    """An image of Ann's that is whole."""
    answer = house.upload(JPEG, bucket="test-uploads", metadata='{"context": "test"}')
    assert house.finished(answer.json()["job_id"])["status"] == "completed"
    found: dict[str, str] = answer.json()
    return found


def hollow_png() -> bytes:
    """A picture whose header is right, and whose pixels are nonsense."""
    png = encode(photo(64, 64), "PNG")
    start = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[start - 4 : start])
    chunk = b"IDAT" + bytes(length)
    return png[:start] + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[start + 8 + length :]


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json" and answer.json()["request_id"]
    return answer.status_code, answer.json()["code"]


def test_an_upload_is_accepted_at_once(house: House) -> None:
    answer = house.upload(encode(photo(64, 48, seed=5), "PNG"))
    assert answer.status_code == 202
    told = answer.json()
    assert set(told) == {"job_id", "image_id", "status_url", "message"}
    assert answer.headers["location"] == told["status_url"] == f"/api/v1/images/jobs/{told['job_id']}"
    assert int(answer.headers["retry-after"]) > 0
    assert house.finished(told["job_id"])["status"] == "completed"


def test_the_status_says_all(house: House, done: dict[str, str]) -> None:
    told = house.get(f"/images/jobs/{done['job_id']}").json()
    assert {"job_id", "image_id", "status", "created_at", "completed_at", "error", "attempts"} <= set(told)
    assert (told["status"], told["error"], told["attempts"], told["image_id"]) == (
        "completed",
        None,
        1,
        done["image_id"],
    )
    assert told["created_at"] < told["completed_at"]


def test_the_result_says_where_and_what(house: House, done: dict[str, str]) -> None:
    told = house.get(f"/images/jobs/{done['job_id']}/result").json()
    assert (told["image_id"], told["status"], told["context"]) == (done["image_id"], "completed", {"context": "test"})
    assert list(told["urls"]) == list(SIZES)
    metadata = told["metadata"]
    assert metadata["original_dimensions"] == {"width": 800, "height": 600}
    assert metadata["dominant_color"].startswith("#") and len(metadata["dominant_color"]) == 7
    for name, (width, height) in SIZES.items():
        variant = metadata["variants"][name]
        assert (variant["width"], variant["height"], variant["format"]) == (width, height, "webp")
        assert variant["aspect_ratio"] == pytest.approx(width / height, abs=0.001)
        url = told["urls"][name]
        assert url == f"/storage/test-uploads/processed/{name}/{done['image_id']}_{name}.webp"
        answer = httpx.get(str(house.client.base_url.join(url)), trust_env=False)
        assert (len(answer.content), answer.headers["content-type"]) == (variant["size_bytes"], "image/webp")
        assert "immutable" in answer.headers["cache-control"] and decode(answer.content).size == (width, height)


def test_one_size_every_size_and_the_file(house: House, done: dict[str, str]) -> None:
    image_id = done["image_id"]
    one = house.get(f"/images/{image_id}", params={"size": "medium"}).json()
    assert (one["image_id"], one["size"], one["width"], one["height"], one["format"]) == (
        image_id,
        "medium",
        600,
        450,
        "webp",
    )
    every = house.get(f"/images/{image_id}/all").json()
    assert every["urls"]["medium"] == one["url"] and set(every["metadata"]["variants"]) == set(SIZES)
    direct = house.get(f"/images/{image_id}/direct", params={"size": "medium"})
    assert (direct.headers["content-type"], len(direct.content)) == ("image/webp", one["size_bytes"])
    assert "private" in direct.headers["cache-control"]
    again = house.get(f"/images/{image_id}/direct", headers={"If-None-Match": direct.headers["etag"]})
    assert again.status_code == 304 and not again.content


def test_several_at_once(house: House, done: dict[str, str]) -> None:
    ids = f"{done['image_id']},{NOWHERE},nonsense,{done['image_id']}"
    told = house.get("/images/batch", params={"image_ids": ids, "size": "thumbnail"}).json()
    assert [image["image_id"] for image in told["images"]] == [done["image_id"]]
    assert told["missing"] == [NOWHERE, "nonsense"]
    many = ",".join(str(uuid.uuid4()) for _ in range(51))
    assert problem(house.get("/images/batch", params={"image_ids": many})) == (400, "invalid_options")
    assert house.get("/images/batch", params={"image_ids": many[:-37]}).status_code == 200
    assert problem(house.get("/images/batch", params={"image_ids": ","})) == (400, "invalid_options")
    assert problem(house.get("/images/batch")) == (400, "bad_request")


def test_the_same_bytes_are_the_same_image(house: House, done: dict[str, str]) -> None:
    again = house.upload(JPEG, bucket="test-uploads").json()
    assert again["image_id"] == done["image_id"] and again["job_id"] != done["job_id"]
    assert house.finished(again["job_id"])["status"] == "completed"
    assert house.get(f"/images/jobs/{again['job_id']}/result").json()["context"] == {"context": "test"}
    theirs = house.upload(JPEG, "bob", bucket="test-uploads").json()
    assert theirs["image_id"] != done["image_id"]


@pytest.mark.parametrize(
    "path",
    [
        "/images/jobs/{job}",
        "/images/jobs/{job}/result",
        "/images/{image}",
        "/images/{image}/all",
        "/images/{image}/direct",
    ],
)
def test_nobody_sees_anothers(house: House, done: dict[str, str], path: str) -> None:
    own = path.format(job=done["job_id"], image=done["image_id"])
    assert house.get(own).status_code == 200
    assert problem(house.get(own, "bob")) == (404, "missing")
    for unknown in (NOWHERE, "nonsense", "%00", "batch2"):
        assert problem(house.get(path.format(job=unknown, image=unknown))) == (404, "missing")


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic YXBpOmtleQ=="}, {"X-API-Key": "key"}],
)
def test_a_token_is_needed(house: House, done: dict[str, str], headers: dict[str, str]) -> None:
    for path in (f"/images/jobs/{done['job_id']}", f"/images/{done['image_id']}", f"/batches/{NOWHERE}"):
        answer = house.client.get(path, headers=headers)
        assert problem(answer) == (401, "unauthorized") and answer.headers["www-authenticate"].startswith("Bearer")
    expired = {"Authorization": f"Bearer {token(seconds=-1)}"}
    assert "expired" in house.client.get(f"/images/{done['image_id']}", headers=expired).json()["detail"]


@pytest.mark.parametrize(
    ("data", "fields", "expected"),
    [
        (b"nonsense", {}, (415, "unknown_format")),
        (encode(graphic(), "GIF"), {}, (415, "format_refused")),
        (JPEG[:100], {}, (422, "undecodable_image")),
        (b"", {}, (400, "bad_request")),
        (JPEG, {"bucket": "../x"}, (400, "invalid_key")),
        (JPEG, {"metadata": "{"}, (400, "invalid_options")),
        (JPEG, {"metadata": "[]"}, (400, "invalid_options")),
        (JPEG, {"metadata": '{"a": 1e999}'}, (400, "invalid_options")),
        (JPEG, {"metadata": '{"a": "\\ud800"}'}, (400, "invalid_options")),
        (JPEG, {"metadata": json.dumps({"a": "b" * 20_000})}, (400, "invalid_options")),
        (JPEG, {"more": "x"}, (400, "bad_request")),
        (JPEG, {"callback_url": "ftp://example.com/"}, (422, "url_refused")),
        (bytes(10 << 20) + b"x", {}, (413, "payload_too_large")),
    ],
)
def test_what_is_refused(house: House, data: bytes, fields: dict[str, str], expected: tuple[int, str]) -> None:
    assert problem(house.upload(data, **fields)) == expected


def test_a_broken_image_fails_cleanly(house: House) -> None:
    job = house.upload(hollow_png()).json()
    told = house.finished(job["job_id"])
    assert told["status"] == "failed" and told["error"] and told["attempts"] == 1
    answer = house.get(f"/images/jobs/{job['job_id']}/result")
    assert problem(answer) == (409, "job_failed") and "retry-after" not in answer.headers
    assert problem(house.get(f"/images/{job['image_id']}")) == (409, "job_failed")
    failed = house.client.get("/health/failed?limit=5").json()["failed_jobs"]
    assert failed[0]["job_id"] == job["job_id"] and failed[0]["error"] == told["error"]
    assert "user" not in json.dumps(failed)


def test_a_deleted_image_is_gone_in_every_size(house: House) -> None:
    job = house.upload(encode(photo(320, 200, seed=7), "JPEG"), bucket="gone").json()
    house.finished(job["job_id"])
    urls = house.get(f"/images/{job['image_id']}/all").json()["urls"].values()
    path = f"/images/{job['image_id']}"
    assert problem(house.client.delete(path, headers=house.headers("bob"))) == (404, "missing")
    answer = house.client.delete(path, headers=house.headers())
    assert (answer.status_code, sorted(answer.json()["variants"])) == (200, sorted(SIZES))
    assert problem(house.get(path)) == (404, "missing")
    assert problem(house.get(f"/images/jobs/{job['job_id']}/result")) == (404, "missing")
    assert {httpx.get(str(house.client.base_url.join(url)), trust_env=False).status_code for url in urls} == {404}
    assert problem(house.client.delete(path, headers=house.headers())) == (404, "missing")


def test_nothing_is_left_of_an_uploads_own_object(house: House, done: dict[str, str]) -> None:
    wait_for(lambda: not [path for path in house.folder.rglob("staging/*") if path.is_file()])


def test_a_wrong_size_is_named(house: House, done: dict[str, str]) -> None:
    for path in (f"/images/{done['image_id']}", f"/images/{done['image_id']}/direct", "/images/batch"):
        answer = house.get(path, params={"size": "huge", "image_ids": done["image_id"]})
        assert problem(answer) == (400, "invalid_options") and answer.json()["errors"][0]["pointer"] == "/size"


def test_health_needs_no_token(house: House, done: dict[str, str]) -> None:
    told = house.client.get("/health").json()
    assert (told["status"], told["checks"]["workers"], told["celery"]["active_workers"]) == ("ok", "up", 1)
    stats = house.client.get("/health/stats").json()
    assert set(stats) == {"status_breakdown", "performance_24h", "storage", "celery"}
    assert {"completed", "pending", "processing", "failed"} <= set(stats["status_breakdown"])
    assert stats["performance_24h"]["completed_24h"] >= 1
    assert stats["performance_24h"]["avg_processing_time_seconds"] > 0
    assert stats["storage"]["total_images"] >= 1 and stats["storage"]["total_jobs"] >= 1
    assert problem(house.client.get("/health/failed?limit=0")) == (400, "bad_request")


def folder_of(house: House, name: str, *files: bytes) -> None:
    """Objects of the default bucket, as somebody else's program would put them there."""
    folder = house.folder / "objects" / "pare" / name
    folder.mkdir(parents=True)
    for index, data in enumerate(files):
        (folder / f"{index}.jpg").write_bytes(data)


def batch_over(house: House, path: str) -> dict[str, object]:
    found: dict[str, object] = {}

    def over() -> bool:
        found.update(house.get(path).json())
        return found["status"] in ("completed", "cancelled")

    wait_for(over)
    return found


def test_a_batch_of_a_folder(house: House) -> None:
    photos = [encode(photo(200, 150, seed=seed), "JPEG", quality=95) for seed in range(5)]
    folder_of(house, "shop", *photos, b"nonsense")
    answer = house.post("/batches", json={"prefix": "shop", "optimization": {"quality": 60}})
    assert answer.status_code == 202
    told = answer.json()
    path = told["status_url"].removeprefix("/api/v1")
    estimate = told["estimate"]
    assert (estimate["items"], estimate["sampled"], estimate["failed"]) == (6, 6, 1)
    assert estimate["original_size"] == sum(map(len, photos)) and estimate["estimated_reduction_percent"] > 10
    over = batch_over(house, path)
    assert (over["status"], over["total"], over["items"]) == ("completed", 6, {"completed": 5, "failed": 1})

    lines = [json.loads(line) for line in house.get(f"{path}/receipts").text.splitlines()]
    assert [line["position"] for line in lines] == list(range(6))
    for line, data in zip(lines, photos, strict=False):
        made = httpx.get(str(house.client.base_url.join(line["url"])), trust_env=False).content
        assert (line["status"], line["original_size"], line["optimized_size"]) == ("completed", len(data), len(made))
        assert len(made) < len(data) and decode(made).size == (200, 150)
    assert lines[5]["status"] == "failed" and lines[5]["error"] and lines[5]["url"] is None
    table = house.get(f"{path}/receipts", headers={"Accept": "text/csv"})
    assert table.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["source"] for row in rows] == [line["source"] for line in lines]
    assert [int(row["optimized_size"]) for row in rows[:5]] == [line["optimized_size"] for line in lines[:5]]

    for method, rest in (
        ("GET", ""),
        ("GET", "/receipts"),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/cancel"),
    ):
        answer = house.client.request(method, path + rest, headers=house.headers("bob"))
        assert problem(answer) == (404, "missing")
    assert problem(house.post(f"{path}/pause")) == (409, "wrong_state")


def test_a_batch_of_urls_calls_no_private_address(house: House) -> None:
    answer = house.post("/batches", json={"urls": ["http://127.0.0.1/a.png", "http://[::1]/b.png"]})
    assert answer.status_code == 202 and answer.json()["estimate"]["failed"] == 2
    path = answer.json()["status_url"].removeprefix("/api/v1")
    assert batch_over(house, path)["items"] == {"failed": 2}
    assert "not public" in house.get(f"{path}/receipts").text


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({}, (400, "invalid_options")),
        ({"urls": []}, (400, "invalid_options")),
        ({"urls": ["http://example.com/"] * 10_001}, (400, "invalid_options")),
        ({"urls": ["http://example.com/"], "prefix": "x"}, (400, "invalid_options")),
        ({"urls": ["file:///etc/passwd"]}, (422, "url_refused")),
        ({"urls": ["http://example.com/"], "optimization": {"quality": 0}}, (400, "invalid_options")),
        ({"urls": ["http://example.com/"], "more": 1}, (400, "invalid_options")),
        ({"prefix": "nothing-here"}, (404, "missing")),
        ({"prefix": "test-uploads/processed"}, (400, "invalid_options")),
        ({"prefix": "staging"}, (400, "invalid_options")),
        ({"prefix": "../x"}, (400, "invalid_key")),
        ({"prefix": "x", "bucket": "a/b"}, (400, "invalid_key")),
    ],
)
def test_a_batch_that_is_refused(house: House, wish: dict[str, object], expected: tuple[int, str]) -> None:
    assert problem(house.post("/batches", json=wish)) == expected


def test_everything_is_there_after_a_restart(house: House, done: dict[str, str]) -> None:
    house.client.close()
    house.service.terminate()
    assert house.service.wait(timeout=40) == 0
    house.open()
    assert house.get(f"/images/jobs/{done['job_id']}/result").json()["image_id"] == done["image_id"]
    assert house.get(f"/images/{done['image_id']}/direct").status_code == 200
    job = house.upload(encode(photo(90, 60, seed=9), "JPEG")).json()
    assert house.finished(job["job_id"])["status"] == "completed"
