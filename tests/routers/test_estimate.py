"""POST /estimate as clients use it: files to the running service, URLs to one whose resolver is a book."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from config import Settings
from main import create_app
from optimizers.prediction import HEAD_BYTES
from security.ssrf import check_url
from tests.helpers import encode, graphic, photo
from tests.routers.test_optimize import problem
from tests.utils.test_url_fetch import LOOPBACK, Names, Origin, allow_loopback, ok, part, serving

LARGE = encode(photo(900, 700), "JPEG", quality=98)
JPEG = encode(photo(), "JPEG", quality=95)
PNG = encode(graphic(), "PNG")
KEYS = {
    "original_size",
    "original_format",
    "width",
    "height",
    "frames",
    "estimated_size",
    "estimated_format",
    "estimated_reduction_percent",
    "interval",
    "confidence",
    "already_optimized",
    "method",
    "formats",
}


def test_form_and_raw_body_give_the_same_estimate(service: httpx.Client) -> None:
    form = service.post("/estimate", files={"file": JPEG}, data={"options": '{"optimization": {"quality": 60}}'})
    raw = service.post("/estimate?quality=60", content=JPEG)
    assert form.status_code == raw.status_code == 200
    assert form.json() == raw.json() != service.post("/estimate", content=JPEG).json()
    found = raw.json()
    assert found.keys() == KEYS
    assert (found["original_size"], found["original_format"]) == (len(JPEG), "jpeg")
    assert (found["width"], found["height"], found["frames"]) == (160, 120, 1)
    assert found["interval"]["level"] == 0.8
    assert found["interval"]["low"] <= found["estimated_reduction_percent"] <= found["interval"]["high"]
    assert found["estimated_reduction_percent"] == pytest.approx(
        100 * (1 - found["estimated_size"] / len(JPEG)), abs=0.2
    )


def test_the_beginning_of_a_file_will_do(service: httpx.Client) -> None:
    size = len(LARGE)
    begun = {"Content-Range": f"bytes 0-{HEAD_BYTES - 1}/{size}"}
    found = service.post("/estimate", content=LARGE[:HEAD_BYTES], headers=begun).json()
    whole = service.post("/estimate", content=LARGE).json()
    facts = ("original_size", "original_format", "width", "height", "frames")
    assert [found[fact] for fact in facts] == [whole[fact] for fact in facts] == [size, "jpeg", 900, 700, 1]
    width, least = [one["interval"]["high"] - one["interval"]["low"] for one in (found, whole)]
    assert width > least
    entire = {"Content-Range": f"bytes 0-{size - 1}/{size}"}
    assert service.post("/estimate", content=LARGE, headers=entire).json() == whole


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("bytes 0-99/50", 400),
        ("bytes 0-98/200", 400),
        ("bytes 1-100/200", 400),
        ("bytes 0-99/*", 400),
        ("bytes */200", 400),
        ("half", 400),
        (f"bytes 0-99/{1 << 40}", 413),
    ],
)
def test_a_beginning_of_what_cannot_be(service: httpx.Client, given: str, status: int) -> None:
    answer = service.post("/estimate", content=LARGE[:100], headers={"Content-Range": given})
    assert answer.status_code == status


def test_the_result_of_an_optimization_is_optimized_already(service: httpx.Client) -> None:
    assert service.post("/estimate", content=LARGE).json()["already_optimized"] is False
    made = service.post("/optimize", content=LARGE).content
    assert service.post("/estimate", content=made).json()["already_optimized"] is True


def test_what_was_estimated_is_held_against_what_followed(service: httpx.Client) -> None:
    def misses() -> float:
        families = text_string_to_metric_families(service.get("/metrics").text)
        samples = [s for f in families for s in f.samples if s.name == "pare_estimate_error_points_count"]
        return sum(sample.value for sample in samples)

    picture, before = encode(photo(seed=9), "JPEG", quality=93), misses()
    service.post("/optimize", content=picture)
    assert misses() == before
    service.post("/estimate", content=picture)
    service.post("/optimize", content=picture)
    service.post("/optimize", content=picture)
    assert misses() == before + 1


@pytest.mark.parametrize(
    ("request_parts", "refusal"),
    [
        ({"content": b"hello"}, (415, "unknown_format")),
        ({"content": JPEG[:300]}, (422, "undecodable_image")),
        ({"content": b""}, (400, "bad_request")),
        ({"content": bytes(33 << 20)}, (413, "payload_too_large")),
        ({"json": {}}, (400, "invalid_options")),
        ({"json": {"url": "http://a.example/", "urls": ["http://a.example/"]}}, (400, "invalid_options")),
        ({"json": {"urls": []}}, (400, "invalid_options")),
        ({"json": {"urls": ["http://a.example/"] * 101}}, (400, "invalid_options")),
        ({"json": {"url": "http://127.0.0.1/"}}, (422, "url_refused")),
        ({"content": JPEG, "params": {"quality": "0"}}, (400, "invalid_options")),
    ],
    ids=range(10),
)
def test_refusals(service: httpx.Client, request_parts: dict[str, Any], refusal: tuple[int, str]) -> None:
    assert problem(service.post("/estimate", **request_parts)) == refusal


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    routes = {"/whole.jpg": ok(LARGE), "/part.jpg": part(LARGE[:HEAD_BYTES], len(LARGE)), "/small.png": ok(PNG)}
    async with serving(dict(routes)) as server:
        yield server


@pytest.fixture
async def client(origin: Origin, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(
        Settings(
            data_dir=tmp_path,
            max_file_size_mb=1,
            url_fetch_timeout=2,
            rate_limit_public_burst=0,
            compression_semaphore_size=1,
            max_queue_depth=0,
        ),
        resolver=Names(a_example=LOOPBACK),
        address_check=allow_loopback,
        url_check=partial(check_url, ports=frozenset({origin.port})),
    )
    base = f"http://a.example:{origin.port}"
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url=base) as client:
        yield client


def width(found: dict[str, Any]) -> float:
    return float(found["interval"]["high"] - found["interval"]["low"])


@pytest.mark.parametrize("path", ["/whole.jpg", "/part.jpg"])
async def test_a_url_costs_its_first_bytes(client: httpx.AsyncClient, origin: Origin, path: str) -> None:
    by_url = await client.post("/estimate", json={"url": str(client.base_url.join(path))})
    by_body = await client.post("/estimate", content=LARGE)
    assert by_url.status_code == 200
    assert f"range: bytes=0-{HEAD_BYTES - 1}\r\n" in origin.requests[0].lower()
    found, sent = by_url.json(), by_body.json()
    assert {k: found[k] for k in ("original_size", "width", "height")} == {
        "original_size": len(LARGE),
        "width": 900,
        "height": 700,
    }
    assert width(found) > width(sent) > 0


async def test_options_stand_beside_the_url(client: httpx.AsyncClient) -> None:
    wish = {"url": str(client.base_url.join("/part.jpg")), "optimization": {"quality": 30}}
    coarse, fine = [
        (await client.post("/estimate", json=w)).json() for w in (wish, wish | {"optimization": {"quality": 90}})
    ]
    assert coarse["estimated_size"] < fine["estimated_size"]


async def test_many_urls_are_answered_in_order(client: httpx.AsyncClient, origin: Origin) -> None:
    origin.routes |= {
        "/404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "/html": ok(b"<!doctype html>"),
        "/slow": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    }
    paths = ["/small.png", "/404", "/part.jpg", "/html", "/slow", "/small.png"]
    urls = [*(str(client.base_url.join(path)) for path in paths), "http://127.0.0.1/"]
    answer = await client.post("/estimate", json={"urls": urls})
    assert answer.status_code == 200
    entries, total = answer.json()["estimates"], answer.json()["total"]
    assert [entry["url"] for entry in entries] == urls
    codes = [entry["problem"] and entry["problem"]["code"] for entry in entries]
    assert codes == [None, "source_failed", None, "unknown_format", "source_timeout", None, "url_refused"]
    assert entries[0]["estimate"] == entries[5]["estimate"]
    good = [entry["estimate"] for entry in entries if entry["estimate"]]
    assert (total["images"], total["failed"]) == (7, 4)
    assert total["original_size"] == sum(e["original_size"] for e in good) == len(LARGE) + 2 * len(PNG)
    assert total["estimated_size"] == pytest.approx(sum(e["estimated_size"] for e in good), abs=2)
    assert total["interval"]["low"] <= total["estimated_reduction_percent"] <= total["interval"]["high"]
    assert width(total) < max(map(width, good)) + 1


async def test_urls_that_all_fail_have_a_total_all_the_same(client: httpx.AsyncClient) -> None:
    answer = await client.post("/estimate", json={"urls": ["http://127.0.0.1/"]})
    assert answer.json()["total"] == {
        "images": 1,
        "failed": 1,
        "original_size": 0,
        "estimated_size": 0,
        "estimated_reduction_percent": 0.0,
        "interval": {"low": 0.0, "high": 0.0, "level": 0.8},
    }


async def test_a_bounded_number_is_fetched_at_once(client: httpx.AsyncClient, origin: Origin) -> None:
    now = most = 0

    async def slowly(_: str, writer: asyncio.StreamWriter) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.05)
        now -= 1
        writer.write(ok(PNG))
        await writer.drain()

    origin.routes["/slowly"] = slowly
    urls = [str(client.base_url.join("/slowly"))] * 100
    entries = (await client.post("/estimate", content=json.dumps({"urls": urls}), headers=JSON)).json()["estimates"]
    assert all(entry["estimate"] for entry in entries) and len(entries) == 100
    assert 2 <= most <= 8


JSON = {"Content-Type": "application/json"}


async def test_estimates_wait_behind_no_optimization(client: httpx.AsyncClient) -> None:
    """One slot, no queue: while it is taken, /optimize is busy and /estimate is not."""
    busy = asyncio.create_task(client.post("/optimize?effort=best", content=encode(photo(700, 500), "PNG")))
    for _ in range(500):
        await asyncio.sleep(0.01)
        if (await client.post("/optimize", content=JPEG)).status_code == 503:
            break
    assert (await client.post("/estimate", content=JPEG)).status_code == 200
    assert (await busy).status_code == 200
