"""Connections on which nothing moves are ended; what is no HTTP is answered in the service's own shape."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
import uvicorn

from routers import server
from routers.server import Connection

ANSWER = bytes(32 << 20)


async def application(scope, receive, send) -> None:
    """Answers with more than any socket's buffers hold; slowly where it is asked to."""
    await receive()
    if scope["path"] == "/slow":
        await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": ANSWER})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(server, "TICK_SECONDS", 0.2)
    config = uvicorn.Config(
        application, port=0, http=Connection, lifespan="off", log_config=None, timeout_keep_alive=60
    )
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    while not running.started:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.01)
    yield running.servers[0].sockets[0].getsockname()[1]
    running.should_exit = True
    await task


async def until_it_ends(reader: asyncio.StreamReader) -> int:
    """Bytes that come before the other side hangs up."""
    count = 0
    with suppress(ConnectionError):
        async with asyncio.timeout(10):
            while piece := await reader.read(1 << 20):
                count += len(piece)
    return count


async def test_an_answer_that_nobody_reads_is_dropped(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(2)
    assert await until_it_ends(reader) < len(ANSWER)
    writer.close()


async def test_an_answer_that_is_read_comes_whole(port: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in ("/slow", "/"):
            assert len((await client.get(f"http://127.0.0.1:{port}{path}")).content) == len(ANSWER)


@pytest.mark.parametrize("start", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "])
async def test_half_a_request_is_not_waited_for(port: int, start: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    assert await until_it_ends(reader) == 0
    writer.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 100_000,
        b"POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["nonsense", "no host", "TLS", "long", "broken chunks"],
)
async def test_broken_http_is_a_problem_document(port: int, request_bytes: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request_bytes)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 400 ") and b"application/problem+json" in head
    document = json.loads(body)
    assert document["code"] == "bad_request" and document["status"] == 400 and document["request_id"]
