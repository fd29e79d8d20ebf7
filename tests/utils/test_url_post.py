"""Posting to a URL that a stranger named, against real servers on loopback."""

import asyncio
from functools import partial

import pytest

from exceptions import UrlRefused
from security.ssrf import check_address, check_url
from tests.utils.test_url_fetch import LOOPBACK, Handler, Names, Origin, allow_loopback, ok, redirect, serving
from utils.url_post import Poster, PostFailed


def poster(origin: Origin, seconds: float = 5) -> Poster:
    return Poster(
        Names(a_example=LOOPBACK), allow_loopback, partial(check_url, ports=frozenset({origin.port})), seconds
    )


async def post(answer: bytes | Handler, seconds: float = 5) -> Origin:
    async with serving({"/hook": answer}) as origin:
        await poster(origin, seconds).post(f"http://a.example:{origin.port}/hook", b'{"a": 1}', {"webhook-id": "x"})
    return origin


async def test_a_body_with_its_headers() -> None:
    origin = await post(ok(b""))
    (head,) = origin.requests
    lines = [line.lower() for line in head.splitlines()]
    assert lines[0] == "post /hook http/1.1"
    assert {"webhook-id: x", "content-type: application/json", "content-length: 8"} <= set(lines)


async def test_what_else_the_receiver_says_is_not_read() -> None:
    async def endless(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(bytes(1000))
            await writer.drain()

    await post(endless)


@pytest.mark.parametrize(
    ("answer", "gone"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", False),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", True),
        (redirect("/hook"), False),
        (b"nonsense\r\n\r\n", False),
        (b"", False),
    ],
)
async def test_other_answers_are_failures(answer: bytes, gone: bool) -> None:
    with pytest.raises(PostFailed) as caught:
        await post(answer, seconds=0.5)
    assert caught.value.gone == gone


async def test_a_receiver_that_says_nothing_is_left() -> None:
    async def silent(_: str, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    with pytest.raises(PostFailed, match="no answer"):
        await post(silent, seconds=0.2)


@pytest.mark.parametrize("url", ["http://private.example/", "http://127.0.0.1/", "ftp://a.example/", "nonsense"])
async def test_places_that_are_not_public_are_not_called(url: str) -> None:
    async with serving({}) as origin:
        names = Names(private_example=[["10.0.0.1"]])
        names.book["127.0.0.1"] = LOOPBACK
        with pytest.raises(UrlRefused):
            await Poster(names, check_address, check_url, 5).post(url, b"", {})
        assert origin.connections == 0


async def test_nobody_there() -> None:
    async with serving({}) as origin:
        pass
    with pytest.raises(PostFailed, match="no connection"):
        await poster(origin).post(f"http://a.example:{origin.port}/", b"", {})
