"""HEIC: read from its header and cleaned; its pixels are never encoded again."""

from contextlib import suppress
from typing import Any

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exceptions import UnprocessableImage
from optimizers import look
from optimizers.heic import Heic
from optimizers.policy import Metadata, Policy
from optimizers.toolbox import Toolbox
from tests.helpers import encode as encode_any
from tests.helpers import graphic, photo
from tests.utils.heif_files import XMP, exif
from utils.heif_strip import strip

pillow_heif.register_heif_opener()


def encode(image: Image.Image, **options: Any) -> bytes:
    return encode_any(image, "HEIF", quality=40, **options)


def owned(orientation: int = 1) -> bytes:
    return exif("Ann", orientation=orientation)


SAMPLE = encode(photo(64, 48), exif=owned(6), xmp=XMP, thumbnails=[32])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_is_the_one_displayed(orientation: int) -> None:
    info = Heic().inspect(encode(photo(50, 30), exif=owned(orientation)))
    assert info.displayed_size == ((30, 50) if orientation >= 5 else (50, 30))
    assert info.orientation == 1 and info.bit_depth == 8 and not info.alpha


def test_alpha_depth_and_pages_are_read_from_the_header() -> None:
    assert Heic().inspect(encode(graphic(alpha=True))).alpha
    deep = pillow_heif.from_bytes("RGB;16", (64, 64), bytes(64 * 64 * 6))
    assert Heic().inspect(_saved(deep)).bit_depth == 10
    pages = encode(photo(64, 48), save_all=True, append_images=[photo(64, 48, seed=2)], thumbnails=[32])
    assert Heic().inspect(pages).frames == 2


async def test_pages_are_those_that_the_decoder_shows(tools: Toolbox) -> None:
    pages = encode(photo(64, 48), save_all=True, append_images=[photo(64, 48, seed=2)])
    seen = await tools.call(look.raster, pages, "HEIF")
    assert seen and seen["frames"] == Heic().inspect(pages).frames


@pytest.mark.parametrize("options", [{}, {"tile_size": 64}, {"thumbnails": [32]}], ids=["plain", "tiles", "thumbnail"])
async def test_cleaning_leaves_the_pixels(options: dict[str, Any], tools: Toolbox) -> None:
    data = encode(photo(), exif=owned(8), xmp=XMP, **options)
    before = await tools.call(look.raster, data, "HEIF")
    for metadata in (Metadata.SAFE, Metadata.NONE):
        done = await Heic().clean(data, metadata, tools)
        assert done and {"exif", "gps", "xmp"} <= set(done.removed)
        assert ("thumbnail" in done.removed) is ("thumbnails" in options)
        assert b"planted" not in done.data and (b"Ann" in done.data) is (metadata is Metadata.SAFE)
        assert await tools.call(look.raster, done.data, "HEIF") == before
        assert Heic().inspect(done.data) == Heic().inspect(data)


async def test_nothing_goes_where_everything_may_stay(tools: Toolbox) -> None:
    done = await Heic().clean(SAMPLE, Metadata.ALL, tools)
    assert done and done.data == SAMPLE and done.removed == ()


async def test_pixels_are_never_encoded(tools: Toolbox) -> None:
    asked = Policy(quality=10, named=True)
    assert [found async for found in Heic().optimize(SAMPLE, Heic().inspect(SAMPLE), asked, tools)] == []


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_whatever_the_bytes_only_a_refusal_comes_out(draw: st.DataObject) -> None:
    data = bytearray(SAMPLE)
    for _ in range(draw.draw(st.integers(1, 6))):
        at = draw.draw(st.integers(0, data.index(b"mdat")))
        data[at : at + 1] = draw.draw(st.binary(max_size=2))
        if b"mdat" not in data:
            break
    broken = bytes(data[: draw.draw(st.integers(0, len(data)))]) if draw.draw(st.booleans()) else bytes(data)
    with suppress(UnprocessableImage):
        Heic().inspect(broken)
    assert len(strip(broken, keep_copyright=True).data) <= len(broken)


def _saved(image: Any) -> bytes:
    import io

    out = io.BytesIO()
    image.save(out, quality=40)
    return out.getvalue()
