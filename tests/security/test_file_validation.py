"""Limits are held against headers, and each refusal names its limit and the number that is over it."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from exceptions import ImageLimitExceeded
from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.policy import Policy
from optimizers.router import detect
from security.file_validation import ImageLimits, check_image
from tests.conftest import SEARCH_PATH
from tests.helpers import encode, graphic, photo
from utils.concurrency import Slots
from utils.png_chunks import SIGNATURE, Chunk
from utils.png_text import COUNTED
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool


@pytest.mark.parametrize(
    ("limits", "numbers", "limit", "actual"),
    [
        (ImageLimits(99, 10**9, 9), {}, 99, 100),
        (ImageLimits(100, 10**9, 2), {}, 2, 3),
        (ImageLimits(100, 299, 3), {}, 299, 300),
        (ImageLimits(100, 300, 3, decoded=799), {"pixel_bytes": 8}, 799, 800),
        (ImageLimits(100, 300, 3, metadata=6), {"metadata": 7}, 6, 7),
        (ImageLimits(100, 10**9, 3), {"pages": (100, 100, 101)}, 100, 101),
        (ImageLimits(200, 250, 3), {"pages": (100, 1, 150)}, 250, 251),
    ],
)
def test_each_limit_names_itself(limits: ImageLimits, numbers: dict[str, object], limit: int, actual: int) -> None:
    with pytest.raises(ImageLimitExceeded) as caught:
        check_image(10, 10, 3, limits, **numbers)
    assert caught.value.extensions == {"limit": limit, "actual": actual}


def tiff_pages(*sizes: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    first, *others = [Image.new("L", size) for size in sizes]
    first.save(out, "TIFF", save_all=True, append_images=others, compression="tiff_adobe_deflate")
    return out.getvalue()


async def test_every_page_of_a_tiff_counts(workers: WorkerPool, tmp_path: object) -> None:
    limits = ImageLimits(pixels=2500, total_pixels=2600, frames=9)
    engine = Engine(ToolRunner(SEARCH_PATH), workers, Slots(tmp_path, 1, 2), limits, tool_timeout=60)
    await engine.run(Source(tiff_pages((10, 10), (50, 50))), Policy())
    for pages, actual in ((((10, 10), (51, 50)), 2550), (((10, 10), (50, 50), (1, 1)), 2601)):
        with pytest.raises(ImageLimitExceeded) as caught:
            await engine.run(Source(tiff_pages(*pages)), Policy())
        assert caught.value.extensions["actual"] == actual


def test_what_a_decoded_pixel_takes() -> None:
    deep = Image.fromarray(np.zeros((8, 8), "uint16"))
    float_tiff = Image.fromarray(np.zeros((8, 8), "float32"))
    for picture, format, expected in (
        (photo(8, 8), "JPEG", 3),
        (photo(8, 8).convert("L"), "JPEG", 1),
        (photo(8, 8).convert("CMYK"), "JPEG", 4),
        (graphic(32, 32, alpha=True), "PNG", 4),
        (deep, "TIFF", 2),
        (float_tiff, "TIFF", 4),
    ):
        data = encode(picture, format)
        assert detect(data).inspect(data).pixel_bytes == expected, format


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + b" " * 5000 + b"</x:xmpmeta>"


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "TIFF", "AVIF", "GIF", "PNG", "BMP"])
def test_metadata_is_counted(format: str) -> None:
    options = {"xmp": XMP} if format in ("JPEG", "WEBP", "AVIF") else {}
    if format == "TIFF":
        options = {"tiffinfo": {700: XMP}}
    if format == "GIF":
        options = {"comment": XMP}
    if format == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode(), zip=True)
        options = {"pnginfo": info}
    bare, noted = (encode(photo(64, 64), format, **extra) for extra in ({}, options))
    before, after = (detect(data).inspect(data).metadata for data in (bare, noted))
    assert before < 1000
    assert after - before >= (5000 if options else 0)


def png_with(kind: bytes, head: bytes, size: int) -> bytes:
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0)), (kind, head + zlib.compress(bytes(size)))]
    chunks += [(b"IDAT", b"x"), (b"IEND", b"")]
    return SIGNATURE + b"".join(Chunk(name, data).pack() for name, data in chunks)


@pytest.mark.parametrize(
    ("kind", "head"), [(b"zTXt", b"a\0\0"), (b"iCCP", b"a\0\0"), (b"iTXt", b"a\0\1\0en\0b\0")], ids=str
)
def test_packed_notes_are_counted_unpacked(kind: bytes, head: bytes) -> None:
    data = png_with(kind, head, 1_000_000)
    assert 1_000_000 <= detect(data).inspect(data).metadata < 1_010_000


def test_counting_a_bomb_ends() -> None:
    data = png_with(b"zTXt", b"a\0\0", 3 * COUNTED)
    metadata = detect(data).inspect(data).metadata
    assert COUNTED < metadata < 2 * COUNTED


async def test_a_bomb_is_refused(engine: Engine) -> None:
    with pytest.raises(ImageLimitExceeded) as caught:
        await engine.run(Source(png_with(b"iCCP", b"a\0\0", 70 << 20)), Policy())
    assert caught.value.extensions["limit"] == 64 << 20 < caught.value.extensions["actual"]
