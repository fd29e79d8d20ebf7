"""A small body posted to a URL that a stranger named: the same guard as fetching, no redirect, no proxy."""

import asyncio
import ssl
from collections.abc import Mapping

import httpcore
import httpx

from utils.checked_transport import AddressCheck, CheckedTransport, Resolver
from utils.url_fetch import CONNECT_SECONDS, UrlCheck


class PostFailed(Exception):
    """It was not taken; `gone` where the receiver wants no more of them."""

    def __init__(self, reason: str, *, gone: bool = False) -> None:
        super().__init__(reason)
        self.gone = gone


class Poster:
    """Posts to checked addresses only; each post has a connection of its own."""

    def __init__(
        self,
        resolver: Resolver,
        address_check: AddressCheck,
        url_check: UrlCheck,
        seconds: float,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._resolver = resolver
        self._check_address = address_check
        self._check_url = url_check
        self._seconds = seconds
        self._context = context or httpx.create_ssl_context(trust_env=False)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Raises PostFailed unless the receiver answers 2xx in time, UrlRefused where it may not be called."""
        try:
            async with asyncio.timeout(self._seconds):
                status = await self._status(self._check_url(url, None), body, headers)
        except TimeoutError:
            raise PostFailed(f"no answer in {self._seconds:g} s") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            raise PostFailed(f"no connection ({type(error).__name__})") from error
        if not 200 <= status < 300:
            raise PostFailed(f"the receiver answered {status}", gone=status == 410)

    async def _status(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> int:
        timeout = httpx.Timeout(self._seconds, connect=CONNECT_SECONDS)
        sent = {"User-Agent": "pare", "Content-Type": "application/json", **headers}
        request = httpx.Request("POST", url, content=body, headers=sent, extensions={"timeout": timeout.as_dict()})
        async with CheckedTransport(self._resolver, self._check_address, self._context) as transport:
            response = await transport.handle_async_request(request)
            await response.aclose()  # what else it says is not read
            return response.status_code
