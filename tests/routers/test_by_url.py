"""POST /optimize by URL: what is refused by the running service, what is fetched in one whose resolver is a book."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from config import Settings
from main import create_app
from security.ssrf import check_url
from tests.helpers import decode, difference, encode, photo
from tests.routers.test_optimize import problem
from tests.utils.test_url_fetch import LOOPBACK, Names, Origin, allow_loopback, ok, redirect, serving

JPEG = encode(photo(), "JPEG", quality=95)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.png",
        "http://0x7f.1/a.png",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        "http://localhost/",
        "http://93.184.215.14:8080/",
        "http://user:password@93.184.215.14/",
        "file:///etc/passwd",
        "ftp://93.184.215.14/a.png",
        "/etc/passwd",
        "",
    ],
)
def test_what_is_not_public_is_refused(service: httpx.Client, url: str) -> None:
    answer = service.post("/optimize", json={"url": url})
    assert problem(answer) == (422, "url_refused")
    assert "127.0.0.1" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": None}, "/url"),
        ({"url": ["http://93.184.215.14/"]}, "/url"),
        ({"url": "http://127.0.0.1/", "urls": []}, "/urls"),
        ({"url": "http://127.0.0.1/", "optimization": {"quality": 0}}, "/optimization/quality"),
        ([], ""),
    ],
)
def test_wrong_bodies_are_named(service: httpx.Client, body: object, pointer: str) -> None:
    answer = service.post("/optimize", json=body)
    assert problem(answer) == (400, "invalid_options")
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 10_000, b"\xff", b'{"url": "\\ud800"}'], ids=range(5))
def test_unreadable_bodies_are_refused(service: httpx.Client, content: bytes) -> None:
    answer = service.post("/optimize", content=content, headers={"Content-Type": "application/json; charset=utf-8"})
    assert problem(answer) == (400, "invalid_options")


def test_options_do_not_go_into_the_query(service: httpx.Client) -> None:
    assert problem(service.post("/optimize?quality=70", json={"url": "http://127.0.0.1/"})) == (400, "bad_request")


def test_a_large_body_is_refused(service: httpx.Client) -> None:
    body = b'{"url": "http://127.0.0.1/' + b"a" * (64 << 10) + b'"}'
    kind = {"Content-Type": "application/json"}
    for content in (body, iter([body])):
        answer = service.post("/optimize", content=content, headers=kind)
        assert problem(answer) == (413, "payload_too_large")
        assert answer.json()["limit"] == 64 << 10


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with serving({"/photo.jpg": ok(JPEG), "/short": redirect("/photo.jpg")}) as server:
        yield server


@pytest.fixture
async def client(origin: Origin, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application for which the origin's loopback address is public."""
    app = create_app(
        Settings(
            data_dir=tmp_path,
            max_file_size_mb=1,
            url_fetch_timeout=2,
            result_cache_mb=0,  # each way in does its own work
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


async def test_a_picture_by_its_url(client: httpx.AsyncClient) -> None:
    by_url = await client.post(
        "/optimize", json={"url": str(client.base_url.join("/short")), "optimization": {"quality": 70}}
    )
    by_body = await client.post("/optimize?quality=70", content=JPEG)
    assert by_url.status_code == 200 and by_url.content == by_body.content
    assert difference(decode(by_url.content), decode(JPEG)) < 8
    assert by_url.headers["server-timing"].startswith("fetch;dur=")
    assert by_body.headers["server-timing"].startswith("inspect;dur=")
    assert 'filename="photo.jpg"' in by_url.headers["content-disposition"]


async def test_a_slow_source_holds_no_place(client: httpx.AsyncClient, origin: Origin) -> None:
    origin.routes["/slow"] = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nabc"
    slow = asyncio.create_task(client.post("/optimize", json={"url": str(client.base_url.join("/slow"))}))
    while not origin.requests:  # noqa: ASYNC110 - the source is a server that tells nobody
        await asyncio.sleep(0.01)
    assert (await client.post("/optimize", content=JPEG)).status_code == 200
    assert problem(await slow) == (504, "source_timeout")


async def test_what_the_source_does_wrong(client: httpx.AsyncClient, origin: Origin) -> None:
    origin.routes |= {
        "/404": b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "/500": b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        "/large": ok(bytes((1 << 20) + 1)),
        "/html": ok(b"<!doctype html>"),
        "/loop": redirect("/loop"),
        "/slow": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "/private": redirect("http://10.0.0.1/"),
    }
    for path, expected in {
        "/404": (502, "source_failed"),
        "/500": (502, "source_failed"),
        "/large": (413, "payload_too_large"),
        "/html": (415, "unknown_format"),
        "/loop": (502, "source_failed"),
        "/slow": (504, "source_timeout"),
        "/private": (422, "url_refused"),
    }.items():
        assert problem(await client.post("/optimize", json={"url": str(client.base_url.join(path))})) == expected
    answer = await client.post("/optimize", json={"url": f"http://nowhere.example:{origin.port}/"})
    assert problem(answer) == (502, "source_failed")
