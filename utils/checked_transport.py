"""HTTP connections to checked addresses only: a name is resolved once, and what was checked is what is connected to.

The URL keeps its name, so Host, SNI and the certificate's check are those of any other client.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpcore
import httpx

THREADS = ThreadPoolExecutor(32, "resolver")
"""For lookups, which cannot be ended: a name server that never answers would fill the few that all else shares."""

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Name and port to addresses, best first. Raises OSError."""
AddressCheck = Callable[[str], None]
"""Raises for an address that must not be connected to."""


async def resolve(host: str, port: int) -> list[str]:
    """The system's answer for a name or an address in any spelling. Raises OSError."""
    try:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(THREADS, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM))
    except UnicodeError as error:
        raise OSError("not a name") from error
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections; refuses a name if any of its addresses fails the check."""

    def __init__(self, resolver: Resolver, check: AddressCheck) -> None:
        self._resolve = resolver
        self._check = check
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A stream to the first address that answers; `timeout` in seconds, for the lookup and for each address."""
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in await self._checked_addresses(host, port, timeout):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _checked_addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._resolve(host, port)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout("the name is not resolved in time") from error
        except OSError as error:
            raise httpcore.ConnectError("the name cannot be resolved") from error
        for address in addresses:
            self._check(address)
        return addresses


class CheckedTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over CheckedBackend, without proxies. Raises httpcore's errors."""

    def __init__(self, resolver: Resolver, check: AddressCheck, context: ssl.SSLContext) -> None:
        self._pool = httpcore.AsyncConnectionPool(context, network_backend=CheckedBackend(resolver, check))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, hand back the head and the open body."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                request.method,
                url,
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        assert isinstance(answer.stream, AsyncIterable)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    """httpcore's body in httpx's class."""

    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        if hasattr(self._stream, "aclose"):
            await self._stream.aclose()
