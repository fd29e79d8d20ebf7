"""Samples of every shape survive being packed again; what is odd stays as it is."""

import io
from itertools import product
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers import encode, graphic, photo
from utils.tiff_ifd import SEGMENTS, STRIP_OFFSETS, TILE_OFFSETS, Directory, Tiff, read, read_segments
from utils.tiff_layout import write
from utils.tiff_packing import packbits, repack
from utils.tiff_samples import grid, unpack, unpackbits

HEIGHT, WIDTH = 45, 37


def scene(dtype: str, channels: int) -> "np.ndarray[Any, np.dtype[Any]]":
    """A smooth wave in every channel, over half of the type's range."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    wave = np.stack([np.sin(x / 30 + k + np.sqrt(y) / 9) / 4 + 0.5 for k in range(channels)], axis=-1)
    scale = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    return (wave * scale).astype(dtype)


def numbers(tiff: Tiff, page: Directory, samples: "np.ndarray[Any, np.dtype[Any]]") -> None:
    bits, kind = samples.dtype.itemsize * 8, {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    channels = samples.shape[-1]
    for tag, value in {256: WIDTH, 257: HEIGHT, 259: 1, 262: 2 if channels == 3 else 1, 277: channels}.items():
        tiff.put(page, tag, value)
    for tag, value in {258: bits, 339: kind}.items():
        tiff.put(page, tag, value)
        entry = page.entries[tag]
        page.entries[tag] = type(entry)(entry.kind, bytes(entry.value) * channels)


def strips(samples: "np.ndarray[Any, np.dtype[Any]]", order: str, planar: bool, tall: int = 7) -> Tiff:
    """An uncompressed page in strips, its channels interleaved or each in planes of their own."""
    tiff, page = Tiff(order, False, []), Directory()
    numbers(tiff, page, samples)
    planes = np.moveaxis(samples, -1, 0) if planar else samples[None]
    stored = planes.astype(samples.dtype.newbyteorder(order))
    tiff.put(page, 278, tall)
    tiff.put(page, 284, 2 if planar else 1)
    page.segments[STRIP_OFFSETS] = [
        plane[at : at + tall].tobytes() for plane in stored for at in range(0, HEIGHT, tall)
    ]
    tiff.pages.append(page)
    return parsed(write(tiff))


def parsed(data: bytes) -> Tiff:
    tiff = read(data)
    read_segments(data, tiff)
    return tiff


def samples_of(tiff: Tiff) -> bytes:
    layout = grid(tiff, tiff.pages[0])
    assert layout is not None
    return b"".join(unpack(tiff, tiff.pages[0], layout))


SHAPES = list(product(("u1", "u2", "u4", "i2", "f2", "f4", "f8"), (1, 3), "<>", (False, True)))


@pytest.mark.parametrize(("dtype", "channels", "order", "planar"), SHAPES)
def test_samples_survive(dtype: str, channels: int, order: str, planar: bool) -> None:
    tiff = strips(scene(dtype, channels), order, planar)
    before, size = samples_of(tiff), len(write(tiff))
    assert repack(tiff, tiff.pages[0], 6)
    again = write(tiff)
    assert len(again) < size
    assert samples_of(parsed(again)) == before


@pytest.mark.parametrize(("dtype", "channels"), [("u1", 3), ("u1", 1), ("u2", 1), ("f4", 1)])
def test_libtiff_reads_the_same_picture(dtype: str, channels: int) -> None:
    samples = scene(dtype, channels)
    tiff = strips(samples, "<", planar=False)
    assert repack(tiff, tiff.pages[0], 6)
    assert tiff.number(tiff.pages[0], 317) in (2, 3)
    with Image.open(io.BytesIO(write(tiff))) as image:
        assert (np.asarray(image).reshape(samples.shape) == samples).all()


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK"])
def test_codings_are_unpacked_as_pillow_does(compression: str, mode: str) -> None:
    image = graphic().convert(mode)
    tiff = parsed(encode(image, "TIFF", compression=compression, strip_size=512))
    repack(tiff, tiff.pages[0], 6)
    with Image.open(io.BytesIO(write(tiff))) as again:
        assert again.mode == mode
        assert again.tobytes() == image.tobytes()


def test_lzw_with_a_predictor_becomes_smaller() -> None:
    data = encode(photo(), "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
    tiff = parsed(data)
    assert repack(tiff, tiff.pages[0], 6)
    again = write(tiff)
    assert len(again) < len(data)
    with Image.open(io.BytesIO(again)) as image:
        assert image.tobytes() == photo().tobytes()


def test_tiles_stay_tiles() -> None:
    samples = scene("u1", 1)
    tiff = strips(samples, "<", planar=False)
    page = tiff.pages[0]
    padded = np.pad(samples[..., 0], ((0, 48 - HEIGHT), (0, 48 - WIDTH)))
    for tag in (STRIP_OFFSETS, SEGMENTS[STRIP_OFFSETS], 278):
        page.entries.pop(tag)
    tiff.put(page, 322, 16)
    tiff.put(page, 323, 16)
    corners = product(range(0, 48, 16), repeat=2)
    page.segments = {TILE_OFFSETS: [padded[y : y + 16, x : x + 16].tobytes() for y, x in corners]}
    tiff = parsed(write(tiff))
    assert repack(tiff, tiff.pages[0], 6)
    assert len(tiff.pages[0].segments[TILE_OFFSETS]) == 9
    with Image.open(io.BytesIO(write(tiff))) as image:
        assert (np.asarray(image) == samples[..., 0]).all()


def test_black_and_white_becomes_group_4() -> None:
    page_of_text = graphic(640, 480).convert("1", dither=Image.Dither.NONE)
    tiff = parsed(encode(page_of_text, "TIFF"))
    assert repack(tiff, tiff.pages[0], 6)
    assert tiff.number(tiff.pages[0], 259) == 4
    with Image.open(io.BytesIO(write(tiff))) as image:
        assert image.tobytes() == page_of_text.tobytes()


def test_padding_bits_are_samples_too() -> None:
    tiff = parsed(encode(Image.new("1", (13, 400)), "TIFF"))
    tiff.pages[0].segments[STRIP_OFFSETS] = [b"\0\7" * 400]
    before = samples_of(tiff)
    repack(tiff, tiff.pages[0], 6)
    assert samples_of(parsed(write(tiff))) == before


def test_short_strips_are_joined() -> None:
    tiff = parsed(encode(photo(), "TIFF", compression="packbits", strip_size=1))
    assert len(tiff.pages[0].segments[STRIP_OFFSETS]) == 120
    assert repack(tiff, tiff.pages[0], 6)
    assert len(tiff.pages[0].segments[STRIP_OFFSETS]) == 1


@pytest.mark.parametrize(("tag", "value"), [(259, 7), (266, 2), (258, 12), (277, 2), (284, 3), (257, 46), (278, 6)])
def test_what_is_odd_stays(tag: int, value: int) -> None:
    tiff = strips(scene("u1", 1), "<", planar=False)
    before = list(tiff.pages[0].segments[STRIP_OFFSETS])
    tiff.put(tiff.pages[0], tag, value)
    assert not repack(tiff, tiff.pages[0], 6)
    assert tiff.pages[0].segments[STRIP_OFFSETS] == before


def test_a_damaged_strip_stays() -> None:
    tiff = parsed(encode(photo(), "TIFF", compression="tiff_adobe_deflate"))
    damaged = [bytes(piece[:-40]) for piece in tiff.pages[0].segments[STRIP_OFFSETS]]
    tiff.pages[0].segments[STRIP_OFFSETS] = [*damaged]
    assert not repack(tiff, tiff.pages[0], 6)
    assert tiff.pages[0].segments[STRIP_OFFSETS] == damaged


def test_packed_rows_unpack() -> None:
    raw = graphic().convert("L").tobytes()
    rows = packbits(raw, 160)
    assert len(rows) == 120
    assert sum(map(len, rows)) < len(raw)
    assert unpackbits(rows, 160) == raw
    with pytest.raises(ValueError, match="unpacked"):
        unpackbits([row[:-1] for row in rows], 160)
