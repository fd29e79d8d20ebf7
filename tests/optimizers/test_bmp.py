"""BMP: every variant of header and depth, the same pixels in fewer bytes."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exceptions import UnprocessableImage
from optimizers.base import Candidate
from optimizers.bmp import Bmp, repack_bmp
from optimizers.look import raster
from optimizers.policy import Metadata, Policy
from optimizers.toolbox import Toolbox
from tests.helpers import decode, encode, graphic, photo
from utils.bmp_sections import read, run_length, stride

bmp = Bmp()
INFO, V3, OS2, V4, V5 = 40, 56, 64, 108, 124


async def candidates(data: bytes, tools: Toolbox) -> list[Candidate]:
    return [candidate async for candidate in bmp.optimize(data, bmp.inspect(data), Policy(), tools)]


def ways(data: bytes) -> dict[str, bytes]:
    return dict(repack_bmp(data))


def smallest(data: bytes) -> bytes:
    return min(ways(data).values(), key=len)


def bitmap(
    image: Image.Image,
    header: int = INFO,
    bits: int = 32,
    compression: int = 0,
    top_down: bool = False,
    masks: bytes = b"",
    profile: bytes = b"",
    gap: int = 0,
) -> bytes:
    """A 24 or 32-bit file with any header; masks beyond a short header follow it."""
    raw = {24: "BGR", 32: "BGRX" if image.mode == "RGB" else "BGRA"}[bits]
    upright = image if top_down else image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    rows, line = upright.tobytes("raw", raw), image.width * bits // 8
    pixels = b"".join(rows[y : y + line].ljust(stride(image.width, bits), b"\0") for y in range(0, len(rows), line))
    height = -image.height if top_down else image.height
    front = struct.pack(
        "<IiiHHIIiiII", header, image.width, height, 1, bits, compression, len(pixels), 2835, 2834, 0, 0
    )
    body = (front + masks).ljust(header, b"\0") if header > INFO else front + masks
    start = 14 + len(body) + gap
    if profile:
        place = struct.pack("<II", start - 14 + len(pixels), len(profile))
        body = body[:56] + b"DEBM" + body[60:112] + place + body[120:]
    size = start + len(pixels) + len(profile)
    return struct.pack("<2sI4xI", b"BM", size, start) + body + bytes(gap) + pixels + profile


RGBA_MASKS = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)


@pytest.mark.parametrize("header", [INFO, V3, OS2, V4, V5])
@pytest.mark.parametrize("top_down", [False, True])
def test_an_idle_fourth_byte_goes(header: int, top_down: bool) -> None:
    data = bitmap(photo(61, 40), header, top_down=top_down)
    assert decode(data).tobytes() == photo(61, 40).tobytes()
    again = smallest(data)
    assert len(again) < 0.8 * len(data)
    assert decode(again).tobytes() == photo(61, 40).tobytes()
    assert bmp.inspect(again) == bmp.inspect(data)
    assert read(again).header[24:32] == struct.pack("<ii", 2835, 2834)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_every_mode_keeps_its_pixels(mode: str) -> None:
    data = encode(graphic().convert(mode), "BMP")
    for again in ways(data).values():
        assert raster(again, "BMP") == raster(data, "BMP")


@pytest.mark.parametrize(("colours", "method"), [(2, "1 bit palette"), (12, "4 bit palette"), (200, "8 bit palette")])
def test_few_colours_become_a_palette(colours: int, method: str) -> None:
    image = photo(63, 41).quantize(colours).convert("RGB")
    data = encode(image, "BMP")
    found = ways(data)
    assert found.keys() == {method, "rle8"} | ({"rle4"} if colours <= 16 else set())
    for again in found.values():
        assert decode(again).convert("RGB").tobytes() == image.tobytes()
    assert len(found[method]) < len(data) / 2


async def test_flat_shapes_become_run_lengths(tools: Toolbox) -> None:
    data = encode(graphic(), "BMP")
    candidate = min(await candidates(data, tools), key=lambda candidate: len(candidate.data))
    assert candidate.method.startswith("rle")
    assert candidate.lossless
    assert len(candidate.data) < 0.1 * len(data)
    assert decode(candidate.data).convert("RGB").tobytes() == graphic().tobytes()


def test_many_colours_in_three_bytes_stay() -> None:
    assert ways(encode(photo(), "BMP")) == {}


async def test_alpha_that_means_something_stays(tools: Toolbox) -> None:
    data = bitmap(graphic(alpha=True), V5, compression=3, masks=RGBA_MASKS)
    assert bmp.inspect(data).alpha
    assert decode(data).mode == "RGBA"
    assert await candidates(data, tools) == []


def test_alpha_that_is_opaque_goes() -> None:
    image = photo(50, 50).convert("RGBA")
    data = bitmap(image, V3, compression=3, masks=RGBA_MASKS)
    again = smallest(data)
    assert raster(again, "BMP")["pixels"] == raster(data, "BMP")["pixels"]
    assert len(again) < 0.8 * len(data)


def test_the_colour_space_stays() -> None:
    profile = b"as good as a colour profile"
    data = bitmap(photo(50, 50), V5, profile=profile)
    assert read(data).profile == profile
    again = read(smallest(data))
    assert (again.profile, len(again.header), again.header[56:60]) == (profile, V5, b"DEBM")


def test_the_shortest_header_is_understood() -> None:
    image = graphic(30, 20)
    old = bitmap(image, INFO, bits=24)
    data = struct.pack("<2sI4xIIHHHH", b"BM", len(old) - 28, 26, 12, 30, 20, 1, 24) + old[54:]
    assert decode(data).tobytes() == image.tobytes()
    assert (bmp.inspect(data).width, bmp.inspect(data).height) == (30, 20)
    assert decode(smallest(data)).convert("RGB").tobytes() == image.tobytes()


def test_a_second_pass_grows_nothing() -> None:
    once = smallest(encode(graphic(), "BMP"))
    assert smallest(once) == once
    assert ways(once) == ways(once)


async def test_bytes_that_belong_to_no_part_go(tools: Toolbox) -> None:
    data = bitmap(photo(50, 50), gap=64) + b"PK stowaway"
    cleaned = await bmp.clean(data, Metadata.SAFE, tools)
    assert cleaned is not None
    assert cleaned.removed == ("other",)
    assert cleaned.data == bitmap(photo(50, 50))
    assert await bmp.clean(cleaned.data, Metadata.SAFE, tools) == type(cleaned)(cleaned.data)
    untouched = await bmp.clean(data, Metadata.ALL, tools)
    assert untouched is not None
    assert untouched.data == data


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("seed", range(6))
def test_run_lengths_are_read_as_written(bits: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.choice([1, 1, 2, 3, 5, 8, 300], 60)
    row = np.repeat(rng.integers(0, 1 << bits, 60), lengths)[:400]
    starts = [0, *(np.flatnonzero(np.diff(row)) + 1).tolist()]
    runs = list(zip(row[starts].tolist(), np.diff([*starts, len(row)]).tolist(), strict=True))
    pixels = run_length([runs, runs], bits)
    palette = bytes(channel for index in range(1 << bits) for channel in (index, index * 7 % 256, index * 31 % 256, 0))
    start, kind = 54 + len(palette), 1 if bits == 8 else 2
    front = struct.pack("<IiiHHIIiiII", 40, len(row), 2, 1, bits, kind, len(pixels), 0, 0, 1 << bits, 0)
    data = struct.pack("<2sI4xI", b"BM", start + len(pixels), start) + front + palette + pixels
    assert np.asarray(decode(data)).tolist() == [row.tolist()] * 2


def test_heads() -> None:
    assert bmp.sniff(encode(photo(), "BMP")[:100])
    assert not any(bmp.sniff(head) for head in (b"", b"BM", b"BM is a band" + bytes(20)))


BROKEN = {
    "cut short": encode(photo(), "BMP")[:-1],
    "no width": bitmap(photo(9, 9))[:18] + bytes(4) + bitmap(photo(9, 9))[22:],
    "lowest height": bitmap(photo(9, 9))[:22] + b"\0\0\0\x80" + bitmap(photo(9, 9))[26:],
    "a JPEG inside": bitmap(photo(9, 9), compression=4),
    "odd depth": bitmap(photo(9, 9))[:28] + b"\7" + bitmap(photo(9, 9))[29:],
    "pixels in the header": bitmap(photo(9, 9))[:10] + b"\x10" + bitmap(photo(9, 9))[11:],
    "nothing": b"",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken_files_are_refused(data: bytes) -> None:
    with pytest.raises(UnprocessableImage):
        bmp.inspect(data)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_mutation_escapes(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(0, min(len(file), 140) - 1))] = data.draw(st.integers(0, 255))
    file = file[: data.draw(st.integers(0, len(file)))]
    bmp.sniff(bytes(file))
    try:
        bmp.inspect(bytes(file))
        read(read(bytes(file)).write())
    except UnprocessableImage:
        pass


SAMPLES = [
    bitmap(photo(9, 9), V5, profile=b"profile"),
    encode(graphic(20, 20).convert("P"), "BMP"),
    *(data for _, data in repack_bmp(encode(graphic(20, 20), "BMP"))),
]
