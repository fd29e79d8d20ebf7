"""A file by its URL: redirects followed by hand, bytes counted, one time limit around everything."""

import asyncio
import re
import ssl
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import httpcore
import httpx

from exceptions import ImageLimitExceeded, PayloadTooLarge, SourceFailed, SourceTimeout, UnprocessableImage
from utils.checked_transport import AddressCheck, CheckedTransport, Resolver
from utils.concurrency import Charge, unpaid
from utils.gzip_stream import gunzip

CONNECT_SECONDS = 5.0
HEADERS = {"User-Agent": "pare", "Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
CONTENT_RANGE = re.compile(r"bytes 0-\d{1,19}/(\d{1,19})")
"""The first part of a file whose length is known (RFC 9110, 14.4)."""

UrlCheck = Callable[[str, httpx.URL | None], httpx.URL]
"""A URL's text, and what it is relative to, made into a URL. Raises for one that must not be fetched."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file, or its first bytes, and the URL that it was at in the end."""

    data: bytes
    url: str
    size: int
    """Bytes that the whole file has."""

    @property
    def filename(self) -> str | None:
        """The last part of the URL's path, where there is one."""
        return PurePosixPath(unquote(urlsplit(self.url).path)).name or None


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """The most that one fetch may take: bytes after decoding, seconds in all, redirects."""

    bytes: int
    seconds: float
    redirects: int


class Fetcher:
    """Fetches files by URLs that strangers name; every fetch has connections of its own.

    Requests go to the transport itself: a client would add proxies, `.netrc`, cookies and redirects of its own.
    """

    def __init__(
        self,
        resolver: Resolver,
        address_check: AddressCheck,
        url_check: UrlCheck,
        limits: FetchLimits,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._resolver = resolver
        self._check_address = address_check
        self._check_url = url_check
        self._limits = limits
        self._context = context or httpx.create_ssl_context(trust_env=False)

    @property
    def most_bytes(self) -> int:
        """Bytes that the largest file may have."""
        return self._limits.bytes

    def check(self, url: str) -> None:
        """Raises UrlRefused for a URL that is not fetched however it resolves."""
        self._check_url(url, None)

    async def fetch(self, url: str, charge: Charge = unpaid, first: int | None = None) -> Fetched:
        """The file, or no more than its `first` bytes where the source says how many there are, charged as they come.

        Raises SourceFailed, SourceTimeout, PayloadTooLarge, and what the checks and `charge` raise.
        """
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._follow(url, charge, first)
        except httpcore.ConnectTimeout:
            raise SourceTimeout(f"no connection to the source within {CONNECT_SECONDS:g} seconds") from None
        except (TimeoutError, httpcore.TimeoutException):
            raise SourceTimeout(f"the source did not answer within {self._limits.seconds:g} seconds") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise SourceFailed(f"the source cannot be reached: {error or type(error).__name__}") from error

    async def _follow(self, text: str, charge: Charge, first: int | None) -> Fetched:
        url = self._check_url(text, None)
        transport = CheckedTransport(self._resolver, self._check_address, self._context)
        async with transport:
            for _ in range(self._limits.redirects + 1):
                async with aclosing(await transport.handle_async_request(self._request(url, first))) as response:
                    if response.status_code not in REDIRECTS:
                        data, size = await self._read(response, charge, first)
                        return Fetched(data, str(url), size)
                    location = response.headers.get("location")
                if not location:
                    raise SourceFailed("the source redirects to nowhere")
                url = self._check_url(location, url)
        raise SourceFailed(f"the source redirects more than {self._limits.redirects} times")

    def _request(self, url: httpx.URL, first: int | None) -> httpx.Request:
        timeout = httpx.Timeout(self._limits.seconds, connect=CONNECT_SECONDS)
        headers = HEADERS if first is None else {**HEADERS, "Range": f"bytes=0-{first - 1}"}
        return httpx.Request("GET", url, headers=headers, extensions={"timeout": timeout.as_dict()})

    async def _read(self, response: httpx.Response, charge: Charge, first: int | None) -> tuple[bytes, int]:
        """The bytes, and how many there are in all."""
        if response.status_code != 200 and (first is None or response.status_code != 206):
            raise SourceFailed(f"the source answered {response.status_code}", source_status=response.status_code)
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise SourceFailed("the source answered in a content encoding that nobody asked for")
        size = _declared_size(response)
        if encoding == "gzip" and response.status_code == 206:
            raise SourceFailed("the source answered with a part of a packed file")
        enough = first if size is not None and encoding != "gzip" else None
        data = await self._body(response, charge, size, enough)
        if encoding == "gzip":
            data = await asyncio.to_thread(self._unpacked, data)
        if not data:
            raise SourceFailed("the source answered with an empty body")
        return data, len(data) if enough is None or size is None else size

    async def _body(self, response: httpx.Response, charge: Charge, size: int | None, enough: int | None) -> bytes:
        """All of it, or what there is once it is `enough`."""
        if size is not None and size > self._limits.bytes:
            raise self._too_large(size)
        data = bytearray()
        async for chunk in response.aiter_raw():
            data += chunk
            if enough is not None and len(data) >= enough:
                return bytes(data[:enough])
            if len(data) > self._limits.bytes:
                raise self._too_large(len(data))
            charge(len(chunk))
        return bytes(data)

    def _unpacked(self, data: bytes) -> bytes:
        """Some stores send what they hold as gzip whatever was asked for."""
        try:
            return gunzip(data, self._limits.bytes)
        except ImageLimitExceeded as error:
            raise self._too_large(error.extensions["actual"]) from None
        except UnprocessableImage as error:
            raise SourceFailed(error.detail) from None

    def _too_large(self, actual: int) -> PayloadTooLarge:
        limit = self._limits.bytes
        return PayloadTooLarge(
            f"the source has {actual:,} bytes or more; the limit is {limit:,}", limit=limit, actual=actual
        )


def _declared_size(response: httpx.Response) -> int | None:
    """Bytes that the whole file has, where its source says so. Raises SourceFailed for a part that is of no use."""
    if response.status_code == 206:
        part = CONTENT_RANGE.fullmatch(response.headers.get("content-range", "").strip())
        if part is None:
            raise SourceFailed("the source answered with a part that was not asked for")
        return int(part[1])
    declared = response.headers.get("content-length", "")
    return int(declared) if declared.isdigit() else None
