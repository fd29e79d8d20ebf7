"""Requests written by hand: many at once, or such as no client would send."""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress

import httpx

PATIENCE_SECONDS = 120.0


def post(data: bytes, path: str = "/optimize", headers: Mapping[str, str] | None = None) -> bytes:
    """A POST whose answer is the last of its connection."""
    lines = {"Host": "x", "Connection": "close", "Content-Length": str(len(data)), **(headers or {})}
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{head}\r\n".encode() + data


def parsed(raw: bytes) -> httpx.Response | None:
    """The answer in the bytes of a connection that has ended; None where there is none."""
    head, found, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    if not found or not status.startswith("HTTP/1.1 "):
        return None
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return httpx.Response(int(status.split()[1]), headers=headers, content=body)


def exchange(address: tuple[str, int], request: bytes, patience: float = PATIENCE_SECONDS) -> bytes:
    """What comes back on one connection; the service may answer and hang up before it has read everything."""
    with socket.create_connection(address, timeout=patience) as connection, suppress(ConnectionError):
        with suppress(ConnectionError):
            connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))
    return b""


async def all_at_once(address: tuple[str, int], requests: Sequence[bytes]) -> list[httpx.Response | None]:
    """The answers to all requests, sent in one instant over a connection each; None for one that is lost."""
    connections = [await asyncio.open_connection(*address) for _ in requests]
    for (_, writer), request in zip(connections, requests, strict=True):
        writer.write(request)
    async with asyncio.timeout(PATIENCE_SECONDS):
        return list(await asyncio.gather(*(_answer(reader, writer) for reader, writer in connections)))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> httpx.Response | None:
    """The answer as far as it says it goes: a service that hangs up on a body it does not want ends by a reset."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        answer = parsed(head)
        length = int(answer.headers["content-length"]) if answer else 0
        return parsed(head + await reader.readexactly(length))
    except (ConnectionError, EOFError):
        return None
    finally:
        writer.close()
