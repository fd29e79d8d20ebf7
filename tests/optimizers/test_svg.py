"""SVG and SVGZ: told apart, measured, cleaned, made smaller with the same drawing."""

import contextlib
import subprocess
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exceptions import ImageLimitExceeded, UnknownFormat, UnprocessableImage
from optimizers.base import ImageInfo
from optimizers.policy import Metadata, Policy
from optimizers.router import detect
from optimizers.svg import Svg, Svgz
from optimizers.svg_shrink import shrink
from optimizers.toolbox import Toolbox
from security.file_validation import DocumentLimits
from security.svg_sanitizer import sanitize
from tests.helpers import decode, difference
from utils.gzip_stream import gzip

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
BODY = """
<!-- drawn by hand -->
<metadata>nothing</metadata>
<defs>
  <linearGradient id="longNameOfAGradient">
    <stop offset="0" stop-color="#ff0000"/><stop offset="1" stop-color="#0000ff"/>
  </linearGradient>
  <linearGradient id="second" x2="0" y2="1" {href}="#longNameOfAGradient"/>
  <g id="leaf"><circle cx="12.500000" cy="12.500000" r="10.000000" style="fill:#00ff00;stroke:none"/></g>
</defs>
<g><g transform="translate(0,0)">
<rect x="0.0000" y="0.0000" width="100.0000" height="60.0000" fill="url(#second)" stroke="none"/></g></g>
<path d="M 10.123456,10.123456 L 90.123456,10.123456 L 90.123456,50.123456
  C 70.5,60.25 30.5,60.25 10.123456,50.123456 Z" fill="#ffffff" fill-opacity="0.5"/>
<use {href}="#leaf" x="30" y="20"/>
"""


def drawing(body: str = BODY, attributes: str = 'width="100" height="60"', href: str = "href") -> bytes:
    return f'<?xml version="1.0"?>\n<svg {NS} {attributes}>{body.replace("{href}", href)}</svg>\n'.encode()


def render(data: bytes) -> Any:
    """The drawing as librsvg shows it, 400 pixels wide."""
    done = subprocess.run(
        ["rsvg-convert", "-w", "400", "--keep-aspect-ratio"], input=data, capture_output=True, check=True
    )
    return decode(done.stdout)


def test_the_first_element_is_looked_for_in_the_first_64_kilobytes() -> None:
    assert detect(f"<!--{' ' * 65_000}-->".encode() + Svg.sample()).spec.name == "svg"
    with pytest.raises(UnknownFormat):
        detect(f"<!--{' ' * 66_000}-->".encode() + Svg.sample())


def assert_same_drawing(a: bytes, b: bytes) -> None:
    assert difference(render(a), render(b)) < 0.05


@pytest.mark.parametrize(
    "head",
    [
        b"<svg>",
        b"\n <svg/>",
        b"<?xml version='1.0'?><!-- <html> --><!DOCTYPE svg><svg ",
        b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x' [<!ENTITY a 'b'>",
        b"<s:svg xmlns:s='http://www.w3.org/2000/svg'>",
        b"\xef\xbb\xbf<svg >",
        "\ufeff<svg >".encode("utf-16-le"),
        "<svg >".encode("utf-16-be"),
        b"<?xml version='1.0' encoding='utf-7'?><svg/>",
    ],
)
def test_sniffs_svg(head: bytes) -> None:
    assert Svg(DocumentLimits()).sniff(head)
    assert Svgz(DocumentLimits()).sniff(gzip(head))
    assert not Svg(DocumentLimits()).sniff(gzip(head))
    assert not Svgz(DocumentLimits()).sniff(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"<",
        b"<html><svg></svg></html>",
        b"<!DOCTYPE html><svg></svg>",
        b"<!-- <svg> --><html/>",
        b"<svgfoo/>",
        b"<?xml version='1.0'?><rss/>",
        b"text <svg>",
        b"\x89PNG\r\n\x1a\n<svg>",
        b"<!--<svg>",
        b"\x1f\x8b\x08",
    ],
)
def test_sniffs_nothing_else(head: bytes) -> None:
    assert not Svg(DocumentLimits()).sniff(head)
    assert not Svgz(DocumentLimits()).sniff(head)
    assert not Svgz(DocumentLimits()).sniff(gzip(head))


def test_sniffs_svgz_from_its_first_bytes() -> None:
    packed = gzip(drawing(BODY + "".join(f"<path d='M{n} {n * n} {n**3}'/>" for n in range(5000))))
    assert len(packed) > 4096
    assert Svgz(DocumentLimits()).sniff(packed[:4096])


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="10" height="20"', (10, 20)),
        ("width = '10px' height='20.4'", (10, 20)),
        ('width="1in" height="25.4mm"', (96, 96)),
        ('width="2cm" height="3pc"', (76, 48)),
        ('width="72pt" height="2em"', (96, 32)),
        ('viewBox="0 0 24 48"', (24, 48)),
        ('viewBox="-5,-5, 24,48" width="100%" height="100%"', (24, 48)),
        ('viewBox="0 0 24 48" width="12"', (12, 24)),
        ('viewBox="0 0 24 48" height="12"', (6, 12)),
        ('width="10"', (10, 150)),
        ('height="10"', (300, 10)),
        ("", (300, 150)),
        ('width="1e999" height="-5" viewBox="0 0 1e999 0"', (300, 150)),
        ('width="nan" height="10 10" viewBox="nan nan nan nan"', (300, 150)),
        ('width="0.2" height="0"', (1, 150)),
    ],
)
def test_inspect_reads_the_size(attributes: str, size: tuple[int, int]) -> None:
    data = drawing(attributes=attributes)
    assert Svg(DocumentLimits()).inspect(data).displayed_size == size
    assert Svgz(DocumentLimits()).inspect(gzip(data)).displayed_size == size
    assert Svg(DocumentLimits()).inspect(data.decode().encode("utf-16")).displayed_size == size


@pytest.mark.parametrize(
    "data", [b"", b"<svg", b"<svg width='1'", b"<svg width=1>", b"<html/>", b"<!--<svg/>", b"\xff\xfe<"]
)
def test_inspect_refuses_what_has_no_root_tag(data: bytes) -> None:
    with pytest.raises(UnprocessableImage):
        Svg(DocumentLimits()).inspect(data)
    with pytest.raises(UnprocessableImage):
        Svgz(DocumentLimits()).inspect(gzip(data) + b"\0\0\0\0")


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_inspect_is_total(data: st.DataObject) -> None:
    broken = bytearray(drawing())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, 200))
        broken[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    packed = bytearray(gzip(drawing()))
    packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    for optimizer, candidate in ((Svg(DocumentLimits()), bytes(broken)), (Svgz(DocumentLimits()), bytes(packed))):
        optimizer.sniff(candidate[:4096])
        with contextlib.suppress(UnprocessableImage):
            optimizer.inspect(candidate)


async def test_look_refuses_a_broken_document_and_finds_a_whole_one(tools: Toolbox) -> None:
    facts = await tools.call(Svg.look, drawing(), None)
    assert facts == {"frames": 1, "pixels": b"", "thumbs": [], "icc": b"", "size": [100, 60]}
    assert await tools.call(Svgz.look, gzip(drawing()), None) == facts
    with pytest.raises(UnprocessableImage):
        await tools.call(Svg.look, drawing()[:-9], None)
    with pytest.raises(UnprocessableImage):
        await tools.call(Svgz.look, gzip(drawing())[:-9], None)


@pytest.mark.parametrize("metadata", list(Metadata))
async def test_clean_takes_out_what_runs_whatever_may_stay(metadata: Metadata, tools: Toolbox) -> None:
    cleaned = await Svg(DocumentLimits()).clean(drawing(BODY + "<script>x</script>"), metadata, tools)
    assert cleaned is not None
    assert b"<script" not in cleaned.data
    assert (b"drawn by hand" in cleaned.data) is (metadata is Metadata.ALL)
    assert set(cleaned.removed) == {"script"} | (set() if metadata is Metadata.ALL else {"comment", "metadata"})
    assert_same_drawing(drawing(), cleaned.data)


async def test_clean_holds_the_limits_it_was_given(tools: Toolbox) -> None:
    with pytest.raises(ImageLimitExceeded):
        await Svg(DocumentLimits(elements=5)).clean(drawing(), Metadata.SAFE, tools)


async def test_svgz_comes_back_as_the_same_drawing_packed(tools: Toolbox) -> None:
    source = gzip(drawing())
    cleaned = await Svgz(DocumentLimits()).clean(source, Metadata.SAFE, tools)
    assert cleaned is not None
    assert zlib.decompress(cleaned.data, 31) == sanitize(drawing())["data"]
    assert cleaned.data[4:8] == b"\0\0\0\0"
    candidates = [
        c
        async for c in Svgz(DocumentLimits()).optimize(
            cleaned.data, Svgz(DocumentLimits()).inspect(source), Policy(), tools
        )
    ]
    assert_same_drawing(drawing(), zlib.decompress(candidates[0].data, 31))


@pytest.mark.parametrize(
    "data",
    [
        gzip(drawing())[:-1],
        gzip(drawing())[:-20],
        gzip(drawing()) + b"\0",
        gzip(drawing()) * 2,
        gzip(drawing())[:-4] + b"\0\0\0\0",
    ],
    ids=["last byte", "cut", "padded", "second member", "false claim"],
)
async def test_svgz_that_is_not_exactly_one_whole_member_is_refused(data: bytes, tools: Toolbox) -> None:
    with pytest.raises(UnprocessableImage):
        await tools.call(Svgz.look, data, None)
    with pytest.raises(UnprocessableImage):
        await Svgz(DocumentLimits()).clean(data, Metadata.SAFE, tools)


def test_gzip_bomb_is_refused_from_its_claim() -> None:
    bomb = gzip(drawing(" " * 10_000_000))
    assert len(bomb) < 20_000
    with pytest.raises(ImageLimitExceeded):
        Svgz(DocumentLimits()).inspect(bomb)


async def test_gzip_bomb_with_a_false_claim_is_refused_when_unpacked(tools: Toolbox) -> None:
    bomb = gzip(drawing(" " * 100_000_000))[:-4] + (1000).to_bytes(4, "little")
    Svgz(DocumentLimits()).inspect(bomb)
    with pytest.raises(UnprocessableImage):
        await tools.call(Svgz.look, bomb, None)


INFO = ImageInfo(100, 60)


@pytest.mark.parametrize("href", ["href", "xlink:href"])
async def test_optimize_is_smaller_and_draws_the_same(href: str, tools: Toolbox) -> None:
    data = sanitize(drawing(href=href))["data"]
    (candidate,) = [c async for c in Svg(DocumentLimits()).optimize(data, INFO, Policy(), tools)]
    assert len(candidate.data) < 0.8 * len(data)
    assert b" " + href.encode() + b"=" in candidate.data
    assert not candidate.lossless
    assert_same_drawing(drawing(), candidate.data)


async def test_optimize_proposes_nothing_where_nothing_may_be_lost(tools: Toolbox) -> None:
    assert [c async for c in Svg(DocumentLimits()).optimize(drawing(), INFO, Policy(lossless=True), tools)] == []


def test_shrinking_twice_never_grows_and_leaves_nothing_to_sanitize() -> None:
    once = shrink(sanitize(drawing())["data"])
    assert len(shrink(once)) <= len(once)
    assert sanitize(once) == {"data": once, "removed": []}


def test_what_may_stay_outlives_shrinking() -> None:
    body = '<sodipodi:namedview xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd" zoom="2"/>'
    once = shrink(sanitize(drawing(BODY + body), keep_metadata=True)["data"])
    assert once.startswith(b"<!-- drawn by hand --><svg")
    assert b'namedview zoom="2"' in once
    assert b"<metadata>nothing</metadata>" in once
    assert len(shrink(once)) <= len(once)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ('<defs><symbol id="icon"><path d="M0 0h9"/></symbol></defs>', b'<symbol id="icon">'),
        ('<defs><g id="icon"><path d="M0 0h9"/></g></defs>', b'<g id="icon">'),
        ('<view id="part" viewBox="0 0 5 5"/><path d="M0 0h9"/>', b'<view id="part"'),
        ('<g aria-labelledby="name"><title id="name">x</title><path d="M0 0h9"/></g>', b'id="name"'),
        ('<path id="box" d="M0 0h9"/><style>#box{fill:red}</style>', b'id="box"'),
        ('<path id="box" d="M0 0h9"><set attributeName="x" begin="box.click" to="1"/></path>', b'id="box"'),
    ],
    ids=["symbol", "stored shape", "view", "label", "selector", "timing"],
)
def test_ids_that_may_be_named_elsewhere_stay(body: str, kept: bytes) -> None:
    assert kept in shrink(sanitize(drawing(body))["data"])


def test_style_that_overrules_a_sheet_keeps_doing_so() -> None:
    data = drawing('<style>rect{fill:red}</style><rect width="50" height="50" style="fill:blue"/>')
    assert_same_drawing(data, shrink(sanitize(data)["data"]))


def test_choice_of_a_switch_stays_whole() -> None:
    data = drawing('<switch><g><rect width="9" height="9"/><circle r="30"/></g></switch>')
    assert_same_drawing(data, shrink(sanitize(data)["data"]))


def test_numbers_that_scour_cannot_read_are_survived() -> None:
    data = sanitize(drawing('<path d="M1e400 0L5 5"/><rect width="1e999" height="2"/>'))["data"]
    assert sanitize(shrink(data))["removed"] == []


def test_deepest_allowed_drawing_is_survived() -> None:
    data = sanitize(drawing("<g fill='red'>" * 126 + "<path d='M0 0h9v9'/>" + "</g>" * 126))["data"]
    assert_same_drawing(data, shrink(data))
