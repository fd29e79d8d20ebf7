"""Fetching by URL, against real servers on loopback."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trustme

from exceptions import PareError, PayloadTooLarge, SourceFailed, SourceTimeout, UrlRefused
from security.ssrf import check_address, check_url
from utils.url_fetch import Fetched, Fetcher, FetchLimits

LIMIT = 100_000
Handler = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


class Origin:
    """A server that answers by path, and remembers what it was asked."""

    def __init__(self, routes: dict[str, bytes | Handler]) -> None:
        self.routes = routes
        self.requests: list[str] = []
        self.connections = 0
        self.names: list[str | None] = []
        """What TLS clients asked for (SNI)."""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                self.requests.append(head)
                answer = self.routes[head.split(" ")[1]]
                if isinstance(answer, bytes):
                    writer.write(answer)
                else:
                    await answer(head, writer)
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(routes: dict[str, bytes | Handler], context: ssl.SSLContext | None = None) -> AsyncIterator[Origin]:
    origin = Origin(routes)
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0, ssl=context)
    if context:
        context.sni_callback = lambda _socket, name, _context: origin.names.append(name)
    origin.port = server.sockets[0].getsockname()[1]
    try:
        yield origin
    finally:
        server.close()


class Names:
    """A resolver with a book: each lookup takes the next answer of the name, the last one for good."""

    def __init__(self, **book: list[list[str]]) -> None:
        self.book = {name.replace("_", "."): answers for name, answers in book.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self.book.get(host)
        if answers is None:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]


LOOPBACK = [["127.0.0.1"]]


def allow_loopback(address: str) -> None:
    """As the service's own check, but a server on loopback counts as public."""
    if address != "127.0.0.1":
        check_address(address)


def fetcher(
    origin: Origin, names: Names | None = None, context: ssl.SSLContext | None = None, **limits: float
) -> Fetcher:
    return Fetcher(
        names or Names(a_example=LOOPBACK),
        allow_loopback,
        partial(check_url, ports=frozenset({80, origin.port})),
        FetchLimits(LIMIT, limits.get("seconds", 20), int(limits.get("redirects", 5))),
        context,
    )


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


async def fetch(routes: dict[str, bytes | Handler], path: str = "/a.png", **limits: float) -> Fetched:
    async with serving(routes) as origin:
        return await fetcher(origin, **limits).fetch(f"http://a.example:{origin.port}{path}")


async def failure(routes: dict[str, bytes | Handler], path: str = "/a.png", **limits: float) -> PareError:
    with pytest.raises(PareError) as caught:
        await fetch(routes, path, **limits)
    return caught.value


async def test_a_file_and_its_name() -> None:
    fetched = await fetch({"/x/M%C3%BCller.png?w=1": ok(b"picture")}, "/x/M%C3%BCller.png?w=1")
    assert (fetched.data, fetched.filename) == (b"picture", "Müller.png")
    assert Fetched(b"", "http://a.example/", 0).filename is None


async def test_the_request_says_who_asks_and_carries_no_credentials() -> None:
    hop = b"Set-Cookie: session=1; Path=/\r\n"
    async with serving({"/a": redirect("/b").replace(b"Location", hop + b"Location"), "/b": ok(b"x")}) as origin:
        await fetcher(origin).fetch(f"http://a.example:{origin.port}/a")
    first, second = (request.lower() for request in origin.requests)
    assert f"host: a.example:{origin.port}\r\n" in first
    assert "accept-encoding: identity\r\n" in first and "user-agent: pare\r\n" in first
    assert "authorization" not in first + second and "cookie" not in second


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await fetch({"/a.png": ok(b"direct")})).data == b"direct"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(status: int) -> None:
    routes = {"/a.png": redirect("x/../b/c.png", status), "/b/c.png": ok(b"there")}
    fetched = await fetch(routes)
    assert (fetched.data, fetched.filename) == (b"there", "c.png")


async def test_as_many_redirects_as_allowed_and_no_more() -> None:
    routes: dict[str, bytes | Handler] = {f"/{n}": redirect(f"/{n + 1}") for n in range(3)} | {"/3": ok(b"end")}
    assert (await fetch(routes, "/0", redirects=3)).data == b"end"
    error = await failure(routes, "/0", redirects=2)
    assert isinstance(error, SourceFailed) and "redirects more than 2" in error.detail


async def test_a_redirect_loop_ends() -> None:
    async with serving({"/a": redirect("/b"), "/b": redirect("/a")}) as origin:
        with pytest.raises(SourceFailed):
            await fetcher(origin).fetch(f"http://a.example:{origin.port}/a")
    assert len(origin.requests) == 6


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2/",
        "http://169.254.169.254/latest/meta-data/",
        "//[::ffff:10.0.0.1]/",
        "http://b.example/",
        "http://user@a.example/",
        "file:///etc/passwd",
        "http://a.example:22/",
        "http://metadata.google.internal/",
    ],
)
async def test_redirects_to_what_is_not_public_are_refused(location: str) -> None:
    class Literal(Names):
        async def __call__(self, host: str, port: int) -> list[str]:
            return await super().__call__(host, port) if host in self.book else [host]

    async with serving({"/a": redirect(location)}) as origin:
        names = Literal(a_example=LOOPBACK, b_example=[["93.184.215.14", "10.0.0.1"]])
        with pytest.raises(UrlRefused):
            await fetcher(origin, names).fetch(f"http://a.example:{origin.port}/a")
    assert origin.connections == 1


async def test_a_redirect_to_nowhere() -> None:
    assert isinstance(await failure({"/a.png": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"}), SourceFailed)


async def test_one_bad_address_refuses_the_name() -> None:
    async with serving({"/a": ok(b"x")}) as origin:
        for answer in (["127.0.0.1", "10.0.0.1"], ["::1", "127.0.0.1"]):
            with pytest.raises(UrlRefused):
                await fetcher(origin, Names(a_example=[answer])).fetch(f"http://a.example:{origin.port}/a")
    assert origin.connections == 0


async def test_a_name_is_resolved_once_for_a_connection() -> None:
    """Rebinding within one connection: the second answer would be private, and nobody asks for it."""
    names = Names(a_example=[["127.0.0.1"], ["10.0.0.1"]])
    async with serving({"/a": ok(b"x")}) as origin:
        assert (await fetcher(origin, names).fetch(f"http://a.example:{origin.port}/a")).data == b"x"
    assert (names.asked, origin.connections) == (["a.example"], 1)


async def test_every_connection_is_checked_anew() -> None:
    """Rebinding between two hops: the second connection's answer is refused, not the first one's trusted."""
    names = Names(a_example=[["127.0.0.1"], ["10.0.0.1"]])
    async with serving({"/a": redirect("/b"), "/b": ok(b"x")}) as origin:
        with pytest.raises(UrlRefused):
            await fetcher(origin, names).fetch(f"http://a.example:{origin.port}/a")
    assert (names.asked, origin.connections) == (["a.example"] * 2, 1)


async def test_the_next_address_is_tried() -> None:
    async with serving({"/a": ok(b"x")}) as origin:
        reach = Fetcher(
            Names(a_example=[["127.0.0.9", "127.0.0.1"]]),
            lambda address: None,
            partial(check_url, ports=frozenset({origin.port})),
            FetchLimits(LIMIT, 20, 5),
        )
        assert (await reach.fetch(f"http://a.example:{origin.port}/a")).data == b"x"


AUTHORITY = trustme.CA()


def tls(*names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for these names, and a client's that trusts the authority."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    AUTHORITY.issue_cert(*names).configure_cert(server)
    AUTHORITY.configure_trust(client)
    return server, client


async def test_tls_names_are_checked_though_addresses_are_connected_to() -> None:
    server, client = tls("a.example")
    names = Names(a_example=LOOPBACK, b_example=LOOPBACK)
    async with serving({"/a": ok(b"x")}, server) as origin:
        reach = fetcher(origin, names, client)
        assert (await reach.fetch(f"https://a.example:{origin.port}/a")).data == b"x"
        assert origin.names == ["a.example"]
        with pytest.raises(SourceFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await reach.fetch(f"https://b.example:{origin.port}/a")
        with pytest.raises(SourceFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await fetcher(origin, names).fetch(f"https://a.example:{origin.port}/a")
    assert len(origin.requests) == 1


async def test_a_second_name_on_the_same_address_gets_its_own_handshake() -> None:
    server, client = tls("a.example")
    async with serving({}, server) as origin:
        origin.routes["/a"] = redirect(f"https://b.example:{origin.port}/b")
        with pytest.raises(SourceFailed, match="CERTIFICATE_VERIFY_FAILED"):
            names = Names(a_example=LOOPBACK, b_example=LOOPBACK)
            await fetcher(origin, names, client).fetch(f"https://a.example:{origin.port}/a")
    assert len(origin.requests) == 1


async def endless(_: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"4000\r\n" + bytes(0x4000) + b"\r\n")
        await writer.drain()


async def until_closed(_: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(0x4000))
        await writer.drain()


@pytest.mark.parametrize("handler", [endless, until_closed])
async def test_an_endless_body_is_ended_at_the_limit(handler: Handler) -> None:
    error = await failure({"/a.png": handler})
    assert isinstance(error, PayloadTooLarge)
    assert error.extensions["limit"] == LIMIT < error.extensions["actual"] < 3 * LIMIT


async def test_the_limit_itself_is_allowed() -> None:
    assert len((await fetch({"/a.png": ok(bytes(LIMIT))})).data) == LIMIT
    assert isinstance(await failure({"/a.png": ok(bytes(LIMIT + 1))}), PayloadTooLarge)


async def test_a_declared_length_is_refused_before_reading() -> None:
    async def head_only(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
        await asyncio.sleep(30)

    error = await failure({"/a.png": head_only}, seconds=20)
    assert isinstance(error, PayloadTooLarge) and error.extensions["actual"] == 999_999_999


async def dripping_body(_: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def dripping_head(_: str, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def provisional(_: str, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def silent(_: str, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


@pytest.mark.parametrize("handler", [dripping_body, dripping_head, provisional, silent])
async def test_what_is_slow_ends_at_the_deadline(handler: Handler) -> None:
    assert isinstance(await failure({"/a.png": handler}, seconds=0.5), SourceTimeout)


async def test_redirects_share_one_deadline() -> None:
    async def slow(_: str, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.2)
        writer.write(redirect("/a.png"))
        await writer.drain()

    assert isinstance(await failure({"/a.png": slow}, seconds=0.5), SourceTimeout)


async def test_a_slow_resolver_ends_at_the_deadline() -> None:
    async def resolver(host: str, port: int) -> list[str]:
        await asyncio.sleep(30)
        raise AssertionError

    reach = Fetcher(resolver, check_address, check_url, FetchLimits(LIMIT, 0.2, 5))
    with pytest.raises(SourceTimeout):
        await reach.fetch("http://a.example/")


async def test_gzip_that_nobody_asked_for_is_unpacked() -> None:
    packed = gzip.compress(b"<svg/>")
    assert (await fetch({"/a.png": ok(packed, "Content-Encoding: gzip")})).data == b"<svg/>"
    for broken in (packed[:-4], b"no gzip"):
        assert isinstance(await failure({"/a.png": ok(broken, "Content-Encoding: gzip")}), SourceFailed)


async def test_a_gzip_bomb_is_ended_at_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < LIMIT
    error = await failure({"/a.png": ok(bomb, "Content-Encoding: gzip")})
    assert isinstance(error, PayloadTooLarge) and error.extensions["actual"] == LIMIT + 1


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "compress"])
async def test_other_encodings_fail(encoding: str) -> None:
    assert isinstance(await failure({"/a.png": ok(b"x", f"Content-Encoding: {encoding}")}), SourceFailed)


@pytest.mark.parametrize(
    "status", ["404 Not Found", "500 Oops", "204 No Content", "206 Partial Content", "304 Not Modified"]
)
async def test_answers_without_the_file_fail_with_their_status(status: str) -> None:
    error = await failure({"/a.png": f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()})
    assert isinstance(error, SourceFailed) and error.extensions == {"source_status": int(status[:3])}


@pytest.mark.parametrize(
    "answer",
    [
        ok(b""),
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hex\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000,
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
        b"",
    ],
    ids=range(8),
)
async def test_nonsense_fails(answer: bytes) -> None:
    async def once(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    assert isinstance(await failure({"/a.png": once}), (SourceFailed, UrlRefused))


async def test_a_name_that_does_not_resolve_fails() -> None:
    for book in ({}, {"a_example": [[]]}):
        with pytest.raises(SourceFailed):
            await Fetcher(Names(**book), check_address, check_url, FetchLimits(LIMIT, 5, 5)).fetch("http://a.example/")


async def test_a_refused_connection_fails() -> None:
    async with serving({}) as origin:
        pass
    with pytest.raises(SourceFailed):
        await fetcher(origin).fetch(f"http://a.example:{origin.port}/")


async def test_fetches_at_once_do_not_wait_for_each_other() -> None:
    ready = asyncio.Barrier(8)

    async def together(_: str, writer: asyncio.StreamWriter) -> None:
        await ready.wait()
        writer.write(ok(b"x"))
        await writer.drain()

    async with serving({"/a": together}) as origin:
        reach, url = fetcher(origin), f"http://a.example:{origin.port}/a"
        assert [f.data for f in await asyncio.gather(*(reach.fetch(url) for _ in range(8)))] == [b"x"] * 8


def part(body: bytes, total: int | str, status: bytes = b"206 Partial Content", start: int = 0) -> bytes:
    span = f"Content-Range: bytes {start}-{start + len(body) - 1}/{total}\r\nContent-Length: {len(body)}".encode()
    return b"HTTP/1.1 " + status + b"\r\n" + span + b"\r\n\r\n" + body


async def head_of(answer: bytes | Handler, first: int = 100) -> tuple[Fetched, str]:
    async with serving({"/a": answer}) as origin:
        fetched = await fetcher(origin).fetch(f"http://a.example:{origin.port}/a", first=first)
    return fetched, origin.requests[0]


async def test_only_the_first_bytes_are_asked_for() -> None:
    fetched, request = await head_of(part(b"x" * 100, 5000))
    assert "range: bytes=0-99\r\n" in request.lower()
    assert (fetched.data, fetched.size) == (b"x" * 100, 5000)


async def test_a_whole_file_is_asked_for_without_a_range() -> None:
    async with serving({"/a": ok(b"x")}) as origin:
        fetched = await fetcher(origin).fetch(f"http://a.example:{origin.port}/a")
    assert "range" not in origin.requests[0].lower() and fetched.size == 1


async def test_a_source_that_knows_no_ranges_is_cut_short() -> None:
    sent = 0

    async def endless_file(_: str, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99000\r\n\r\n")
        while sent < 99_000:
            writer.write(bytes(1000))
            await writer.drain()
            sent += 1000
            await asyncio.sleep(0.002)

    fetched, _ = await head_of(endless_file, first=2000)
    assert (len(fetched.data), fetched.size) == (2000, 99_000)
    assert sent < 90_000


@pytest.mark.parametrize("coding", ["", "Transfer-Encoding: chunked\r\n"])
async def test_where_no_length_is_said_all_of_it_is_counted(coding: str) -> None:
    body = b"12c\r\n" + bytes(300) + b"\r\n0\r\n\r\n" if coding else bytes(300)

    async def lengthless(_: str, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{coding}\r\n".encode() + body)
        await writer.drain()

    fetched, _ = await head_of(lengthless)
    assert (fetched.data, fetched.size) == (bytes(300), 300)


async def test_a_packed_answer_is_unpacked_whole() -> None:
    fetched, _ = await head_of(ok(gzip.compress(b"x" * 900), "Content-Encoding: gzip"), first=20)
    assert (fetched.data, fetched.size) == (b"x" * 900, 900)


@pytest.mark.parametrize(
    "answer",
    [
        part(b"x" * 100, 5000, start=7),
        part(b"x" * 100, "*"),
        part(b"x" * 100, 5000).replace(b"Content-Range", b"X-Range"),
        part(b"x" * 100, 5000).replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n", 1),
        part(b"", 0, status=b"416 Range Not Satisfiable"),
    ],
    ids=["another part", "of unknown length", "not said which", "of a packed file", "refused"],
)
async def test_a_part_that_is_no_use(answer: bytes) -> None:
    with pytest.raises(SourceFailed):
        await head_of(answer)


async def test_a_part_nobody_asked_for() -> None:
    assert isinstance(await failure({"/a.png": part(b"x", 5)}), SourceFailed)


async def test_the_whole_file_s_size_counts_against_the_limit() -> None:
    with pytest.raises(PayloadTooLarge) as caught:
        await head_of(part(b"x" * 100, LIMIT + 1))
    assert caught.value.extensions == {"limit": LIMIT, "actual": LIMIT + 1}
