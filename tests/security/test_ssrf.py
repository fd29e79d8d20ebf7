"""What may be connected to, and which URLs are plain."""

import ast
import inspect
import ipaddress

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.addresses import PRIVATE_IPV4, PRIVATE_IPV6, PUBLIC, in_url
from exceptions import UrlRefused
from security import ssrf
from security.ssrf import check_address, check_url
from utils.checked_transport import resolve


def may_connect(address: str) -> bool:
    try:
        check_address(address)
    except UrlRefused:
        return False
    return True


@pytest.mark.parametrize("spelling", [*PRIVATE_IPV4, *PRIVATE_IPV6])
async def test_what_the_system_makes_of_a_private_spelling_is_refused(spelling: str) -> None:
    addresses = await resolve(spelling, 80)
    assert addresses and not any(map(may_connect, addresses)), addresses


@pytest.mark.parametrize("address", PUBLIC)
async def test_public_addresses_may_be_connected_to(address: str) -> None:
    assert all(map(may_connect, await resolve(address, 80)))
    assert check_url(f"http://{in_url(address)}/").host == address


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.1", "fe80::1%eth0", "2606:2800::1%lo", "1.1.1.1/32", "1.1.1.1 "]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert not may_connect(text)


@given(st.ip_addresses())
@settings(max_examples=500, deadline=None)
def test_only_what_python_calls_global_may_be_connected_to(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if may_connect(str(ip)):
        assert ip.is_global and not ip.is_multicast


def test_the_answer_does_not_hang_on_the_python_version() -> None:
    """Properties such as is_global changed in 3.12.4 and 3.13; containment in a network did not."""
    used = {node.attr for node in ast.walk(ast.parse(inspect.getsource(ssrf))) if isinstance(node, ast.Attribute)}
    assert not [name for name in used if name.startswith("is_") or name in {"ipv4_mapped", "sixtofour", "teredo"}]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("http://example.org", "example.org"),
        ("HTTPS://EXAMPLE.org:443/a.png?b=c#d", "example.org"),
        ("https://example.org:80/", "example.org"),
        ("https://bücher.example/ü.png", "xn--bcher-kva.example"),
        ("https://cdn_1.example.org./a@b.png?c=@d", "cdn_1.example.org."),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example"),
    ],
)
def test_plain_urls(text: str, host: str) -> None:
    assert check_url(text).raw_host.decode() == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org/a.png",
        "//example.org/a.png",
        "/a.png",
        "http:example.org",
        "http:/example.org",
        "http:///a.png",
        "http://",
        "http://:80/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "file://example.org/etc/passwd",
        "gopher://example.org/",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "s3://bucket/key",
        "unix:///run/docker.sock",
        "http://example.org:22/",
        "http://example.org:8080/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:-80/",
        "http://example.org:http/",
        "http://user@example.org/",
        "http://user:password@example.org/",
        "http://@example.org/",
        "http://:@example.org/",
        "http://example.org@127.0.0.1/",
        "http://example.org\\@127.0.0.1/",
        "http:\\\\example.org/",
        "http://example.org/a\\b",
        " http://example.org/",
        "http://example.org/a b",
        "http://exa mple.org/",
        "http://example.org/\n",
        "http://example.org/\r\nX: y",
        "http://example.org/\x00",
        "http://example.org/\x7f",
        "http://example.org/\u2028",
        "http://example.org/\u202e",
        "http://example.org\u3000/",
        "http://exam\u200bple.org/",
        "http://%31%32%37.0.0.1/",
        "http://example.org%2f@127.0.0.1/",
        "http://１２７.0.0.1/",
        "http://ⓛocalhost/",
        "http://①②⑦.⓪.⓪.①/",
        "http://-.example。org/",
        "http://a..b/",
        "http://.example.org/",
        f"http://{'a' * 64}.org/",
        f"http://{'a.' * 130}org/",
        "http://ex*ample.org/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[fe80::1%25lo]/",
        "http://[fe80::1%lo]/",
        "http://[v1.x]/",
        "http://[127.0.0.1]/",
        "http://0177.0.0.1/",
        "http://256.1.1.1/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://METADATA.google.internal./",
        "http://metadata.goog/",
        "http://metadata/",
        "http://instance-data/latest/",
        "http://example.org/" + "a" * 8192,
    ],
)
def test_all_other_urls_are_refused(text: str) -> None:
    with pytest.raises(UrlRefused):
        check_url(text)


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://a.example/", "http://[", "//"]))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_plain_url_or_refused(text: str, start: str) -> None:
    try:
        url = check_url(start + text)
    except UrlRefused:
        return
    assert url.scheme in {"http", "https"} and url.host and not url.userinfo and url.port in {None, 80, 443}


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("b.png", "https://example.org/x/b.png"),
        ("/b.png?c", "https://example.org/b.png?c"),
        ("../b.png", "https://example.org/b.png"),
        ("//other.example/b.png", "https://other.example/b.png"),
        ("http://other.example/", "http://other.example/"),
    ],
)
def test_relative_redirects(location: str, expected: str) -> None:
    assert str(check_url(location, httpx.URL("https://example.org/x/a.png"))) == expected


@pytest.mark.parametrize(
    "location", ["//u@other.example/", "file:///etc/passwd", "//other.example:22/", "/a b", "\\\\x"]
)
def test_refused_redirects(location: str) -> None:
    with pytest.raises(UrlRefused):
        check_url(location, httpx.URL("https://example.org/x/a.png"))
