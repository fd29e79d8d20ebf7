"""TIFF: every page's samples stay, personal tags go."""

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin

from exceptions import UnprocessableImage
from optimizers.base import SNIFF_BYTES, Candidate
from optimizers.policy import Effort, Metadata, Policy
from optimizers.tiff import Tiff, clean_tiff, look_tiff, repack_tiff
from optimizers.toolbox import Toolbox
from tests.helpers import decode, encode, graphic, photo
from utils.tiff_ifd import Directory, Entry, read, read_segments
from utils.tiff_ifd import Tiff as TiffFile
from utils.tiff_layout import write

tiff = Tiff()


async def candidates(data: bytes, tools: Toolbox, policy: Policy = Policy()) -> list[Candidate]:  # noqa: B008
    return [candidate async for candidate in tiff.optimize(data, tiff.inspect(data), policy, tools)]


def stack(*pages: Image.Image, **options: Any) -> bytes:
    return encode(pages[0], "TIFF", save_all=True, append_images=pages[1:], **options)


def personal() -> bytes:
    """A photo with all the tags that have to go and those that have to stay."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[269], tags[270], tags[271], tags[272] = "letter.doc", "my house", "Kamera", "K-1"
    tags[305], tags[306], tags[315], tags[316] = "Brush", "2026:01:02 03:04:05", "Ada", "ada-laptop"
    tags[700], tags[33432], tags[274] = b"<x:xmpmeta/>", "(c) Ada", 6
    tags[33550], tags[42113] = (1.0, 1.0, 0.0), "-9999"
    tags[34675] = b"a colour profile, at least in name"
    data = encode(photo(), "TIFF", tiffinfo=tags)
    made = read(data)
    read_segments(data, made)
    (page,) = made.pages
    exif = Directory({0xA431: Entry(2, b"serial 12345\0"), 0x927C: Entry(7, b"maker's own notes")})
    for tag, directory in {0x8769: exif, 0x8825: Directory({1: Entry(2, b"N\0")})}.items():
        page.entries[tag] = Entry(4, bytes(4))
        page.children[tag] = [directory]
    return write(made)


@pytest.mark.parametrize("effort", list(Effort))
async def test_smaller_with_the_same_samples(tools: Toolbox, effort: Effort) -> None:
    data = encode(photo(), "TIFF")
    (candidate,) = await candidates(data, tools, Policy(effort=effort))
    assert candidate.lossless
    assert candidate.quality is None
    assert len(candidate.data) < 0.8 * len(data)
    assert decode(candidate.data).tobytes() == photo().tobytes()
    assert tiff.inspect(candidate.data) == tiff.inspect(data)


async def test_every_page_stays(tools: Toolbox) -> None:
    pages = [photo(), graphic().convert("P"), graphic().convert("1"), photo().convert("CMYK"), photo().convert("I;16")]
    data = stack(*pages)
    assert tiff.inspect(data).frames == 5
    (candidate,) = await candidates(data, tools)
    again = Image.open(io.BytesIO(candidate.data))
    for index, page in enumerate(pages):
        again.seek(index)
        assert (again.mode, again.tobytes()) == (page.mode, page.tobytes())


async def test_a_second_pass_changes_nothing(tools: Toolbox) -> None:
    cleaned = await tiff.clean(personal(), Metadata.SAFE, tools)
    assert cleaned is not None
    (candidate,) = await candidates(cleaned.data, tools)
    assert await candidates(candidate.data, tools) == []
    again = await tiff.clean(candidate.data, Metadata.SAFE, tools)
    assert again is not None
    assert (again.data, again.removed) == (candidate.data, ())


async def test_same_input_same_output(tools: Toolbox) -> None:
    data = stack(photo(), graphic())
    assert await candidates(data, tools) == await candidates(data, tools)


async def test_safe_takes_people_and_cameras_away(tools: Toolbox) -> None:
    data = personal()
    cleaned = await tiff.clean(data, Metadata.SAFE, tools)
    assert cleaned is not None
    words = {"text", "comment", "exif", "time", "xmp", "gps", "serial_number", "maker_notes"}
    assert set(cleaned.removed) == words
    assert len(cleaned.removed) == len(words)
    for trace in (b"letter", b"my house", b"Kamera", b"Brush", b"2026", b"ada-laptop", b"xmpmeta", b"serial", b"notes"):
        assert trace in data
        assert trace not in cleaned.data
    tags = Image.open(io.BytesIO(cleaned.data)).tag_v2
    assert tags[33432] == "(c) Ada"
    assert (tags[274], tags[33550], tags[42113]) == (6, (1.0, 1.0, 0.0), "-9999")
    assert tags[34675] == b"a colour profile, at least in name"
    assert decode(cleaned.data).tobytes() == decode(data).tobytes()


async def test_none_takes_the_copyright_too(tools: Toolbox) -> None:
    cleaned = await tiff.clean(personal(), Metadata.NONE, tools)
    assert cleaned is not None
    assert "copyright" in cleaned.removed
    assert b"(c) Ada" not in cleaned.data
    assert tiff.inspect(cleaned.data).orientation == 6


async def test_all_changes_nothing(tools: Toolbox) -> None:
    data = personal()
    cleaned = await tiff.clean(data, Metadata.ALL, tools)
    assert cleaned is not None
    assert (cleaned.data, cleaned.removed) == (data, ())
    assert await candidates(data, tools) == []  # its maker's notes may not be moved


async def test_bytes_that_no_tag_points_at_go(tools: Toolbox) -> None:
    data = encode(photo(), "TIFF")
    cleaned = await tiff.clean(data + b"PK stowaway" * 9, Metadata.SAFE, tools)
    assert cleaned is not None
    assert cleaned.removed == ("other",)
    assert b"stowaway" not in cleaned.data


async def test_a_clean_file_is_not_touched(tools: Toolbox) -> None:
    data = encode(photo(), "TIFF")
    cleaned = await tiff.clean(data, Metadata.SAFE, tools)
    assert cleaned is not None
    assert (cleaned.data, cleaned.removed, cleaned.kept) == (data, (), ())


async def test_what_cannot_be_moved_is_said(tools: Toolbox) -> None:
    data = with_entry(encode(photo(), "TIFF", software="Brush"), 34412, b"offsets of a microscope")
    cleaned = await tiff.clean(data, Metadata.SAFE, tools)
    assert cleaned is not None
    assert (cleaned.data, cleaned.removed, cleaned.kept) == (data, (), ("text",))
    assert await candidates(data, tools) == []


@pytest.mark.parametrize(("text", "stays"), [(b"ImageJ=1.54\nslices=9\0", True), (b"a walk in the park\0", False)])
def test_descriptions_of_stacks_stay(text: bytes, stays: bool) -> None:
    cleaned = clean_tiff(with_entry(encode(photo(), "TIFF"), 270, text), "safe")
    assert (text in cleaned["data"]) is stays


def test_pages_that_only_a_description_knows_are_not_lost() -> None:
    data = with_entry(encode(photo(), "TIFF", software="Brush"), 270, b"ImageJ=1.54\nimages=9\0") + bytes(9000)
    assert clean_tiff(data, "safe") == {"data": data, "removed": [], "kept": ["text"]}
    assert repack_tiff(data, 6) is None


def with_entry(data: bytes, tag: int, value: bytes) -> bytes:
    parsed = read(data)
    read_segments(data, parsed)
    parsed.pages[0].entries[tag] = Entry(2, value)
    return write(parsed)


@pytest.mark.parametrize("count", [0, 38_000, 1 << 20])
async def test_a_strip_of_another_length_is_not_moved(tools: Toolbox, count: int) -> None:
    data = encode(photo(), "TIFF", software="Brush")
    wrong = data.replace((57600).to_bytes(4, "little"), count.to_bytes(4, "little"))
    assert wrong != data
    cleaned = await tiff.clean(wrong, Metadata.SAFE, tools)
    assert cleaned is not None
    assert (cleaned.data, cleaned.kept) == (wrong, ("text",))
    assert await candidates(wrong, tools) == []


async def test_photoshop_resources_keep_paths(tools: Toolbox) -> None:
    path = b"8BIM\x07\xd0\0\0\0\0\0\x04path"
    data = with_entry(encode(photo(), "TIFF"), 34377, path + b"8BIM\x04\x0c\0\0\0\0\0\x06thumbs")
    cleaned = await tiff.clean(data, Metadata.SAFE, tools)
    assert cleaned is not None
    assert cleaned.removed == ("thumbnail",)
    assert bytes(read(cleaned.data).pages[0].entries[34377].value) == path


async def test_iptc_keeps_the_copyright(tools: Toolbox) -> None:
    notice, city = b"\x1c\x02\x74\0\x07(c) Ada", b"\x1c\x02\x5a\0\x04Rome"
    data = with_entry(encode(photo(), "TIFF"), 33723, city + notice)
    cleaned = await tiff.clean(data, Metadata.SAFE, tools)
    assert cleaned is not None
    assert cleaned.removed == ("iptc",)
    assert bytes(read(cleaned.data).pages[0].entries[33723].value) == notice
    assert clean_tiff(cleaned.data, "safe")["removed"] == []


def deep(values: "np.ndarray[Any, np.dtype[np.uint16]]", compression: int = 1) -> bytes:
    """16-bit RGB, for which Pillow has no mode."""
    made, page = TiffFile("<", False, []), Directory()
    height, width, channels = values.shape
    for tag, value in {256: width, 257: height, 259: compression, 262: 2, 277: channels, 278: height}.items():
        made.put(page, tag, value)
    page.entries[258] = Entry(3, b"\x10\0" * channels)
    page.segments[273] = [values.tobytes()]
    made.pages.append(page)
    return write(made)


def deep_scene() -> "np.ndarray[Any, np.dtype[np.uint16]]":
    return np.asarray(photo()).astype("<u2") * 257


async def test_the_lowest_of_sixteen_bits_is_seen(tools: Toolbox) -> None:
    scene = deep_scene()
    data = deep(scene)
    (candidate,) = await candidates(data, tools)
    assert await tools.call(look_tiff, candidate.data, "TIFF") == await tools.call(look_tiff, data, "TIFF")
    scene[5, 5, 1] ^= 1
    changed = await tools.call(look_tiff, deep(scene), "TIFF")
    assert changed is not None
    assert changed["pixels"] != (await tools.call(look_tiff, data, "TIFF") or {})["pixels"]


async def test_a_depth_no_decoder_knows_is_still_looked_at(tools: Toolbox) -> None:
    scene = np.dstack([deep_scene(), deep_scene()])
    facts = await tools.call(look_tiff, deep(scene), "TIFF")
    assert facts is not None
    assert (facts["frames"], [len(thumb) for thumb in facts["thumbs"]]) == (1, [4096])
    (candidate,) = await candidates(deep(scene), tools)
    assert await tools.call(look_tiff, candidate.data, "TIFF") == facts


async def test_every_page_is_looked_at(tools: Toolbox) -> None:
    first, second = stack(photo(), photo(seed=2)), stack(photo(), photo(seed=3))
    one, other = await tools.call(look_tiff, first, "TIFF"), await tools.call(look_tiff, second, "TIFF")
    assert one is not None
    assert other is not None
    assert one["frames"] == 2
    assert one["pixels"] != other["pixels"]


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg"])
async def test_a_file_cut_short_is_refused(tools: Toolbox, compression: str) -> None:
    data = encode(photo(), "TIFF", compression=compression)
    with pytest.raises(UnprocessableImage):
        cut = data[: len(data) // 2]
        tiff.inspect(cut)
        await tools.call(look_tiff, cut, "TIFF")


async def test_a_jpeg_inside_stays_as_it_is(tools: Toolbox) -> None:
    data = encode(photo(), "TIFF", compression="jpeg", software="Brush")
    assert await candidates(data, tools) == []
    cleaned = await tiff.clean(data, Metadata.SAFE, tools)
    assert cleaned is not None
    assert await tools.call(look_tiff, cleaned.data, "TIFF") == await tools.call(look_tiff, data, "TIFF")


def test_the_header_is_read() -> None:
    info = tiff.inspect(encode(graphic(alpha=True), "TIFF", tiffinfo={274: 8}))
    assert (info.width, info.height, info.alpha, info.bit_depth, info.orientation) == (160, 120, True, 8, 8)
    assert info.displayed_size == (120, 160)
    assert tiff.inspect(encode(photo().convert("1"), "TIFF")).bit_depth == 1


def test_heads() -> None:
    assert all(tiff.sniff(head) for head in (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0"))
    assert not any(tiff.sniff(head) for head in (b"", b"II", b"IIRO\x08\0\0\0", b"IIU\0\x08\0\0\0", b"BM*\0"))


def test_camera_raw_files_are_not_taken() -> None:
    assert not tiff.sniff(b"II*\0\x10\0\0\0CR\x02\0" + bytes(40))
    dng = with_entry(encode(photo(), "TIFF"), 50706, b"\1\4\0\0")
    assert tiff.sniff(encode(photo(), "TIFF")[:SNIFF_BYTES])
    assert not tiff.sniff(dng[:SNIFF_BYTES])
    mosaic = read(dng)
    read_segments(dng, mosaic)
    del mosaic.pages[0].entries[50706]
    mosaic.put(mosaic.pages[0], 262, 32803)
    with pytest.raises(UnprocessableImage, match="raw"):
        tiff.inspect(write(mosaic))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_mutation_escapes(data: st.DataObject) -> None:
    file = bytearray(SAMPLE)
    front = st.integers(0, len(file) - 1).map(lambda at: len(file) - 1 - at // 8)
    for _ in range(data.draw(st.integers(1, 5))):
        file[data.draw(st.one_of(front, st.integers(0, 60)))] = data.draw(st.integers(0, 255))
    file = file[: data.draw(st.integers(len(file) // 2, len(file)))]
    tiff.sniff(bytes(file[:SNIFF_BYTES]))
    try:
        tiff.inspect(bytes(file))
        cleaned = clean_tiff(bytes(file), "safe")["data"]
        repack_tiff(cleaned, 6)
    except UnprocessableImage:
        pass


SAMPLE = stack(photo(24, 20), graphic(24, 20), tiffinfo={270: "a day", 305: "Brush"})
