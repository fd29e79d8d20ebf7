"""HEIC: read from its header and cleaned, converted to other formats, never written."""

from contextlib import suppress
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from exceptions import UnprocessableImage
from optimizers import look
from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.heic import Heic
from optimizers.policy import Effort, Metadata, Policy
from optimizers.toolbox import Toolbox
from tests.helpers import decode, difference, graphic, photo
from tests.helpers import encode as encode_any
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


@pytest.mark.parametrize("target", ["jpeg", "webp", "avif"])
async def test_it_becomes_what_browsers_show(target: str, engine: Engine) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = encode(photo(), exif=owned(6), xmp=XMP, icc_profile=profile)
    outcome = await engine.run(Source(source), Policy(targets=(target,), named=True, effort=Effort.FAST))
    image = decode(outcome.data)
    assert (outcome.made.name, image.size) == (target, (120, 160))
    assert difference(image.convert("RGB"), photo().transpose(Image.Transpose.ROTATE_270)) < 8
    assert b"planted" not in outcome.data
    if target != "jpeg":
        assert image.info["icc_profile"] == profile and b"Ann" in outcome.data


async def test_deep_and_transparent_pictures_become_others_too(engine: Engine) -> None:
    samples = (np.asarray(photo(64, 48)).astype("uint16") * 257).tobytes()
    deep = _saved(pillow_heif.from_bytes("RGB;16", (64, 48), samples), quality=90)
    policy = Policy(targets=("webp",), quality=95)
    assert Heic().inspect(deep).bit_depth == 10
    assert difference(decode((await engine.run(Source(deep), policy)).data), photo(64, 48)) < 6
    glass = await engine.run(Source(encode(graphic(alpha=True))), policy)
    assert decode(glass.data).mode == "RGBA"


async def test_of_several_pages_the_one_that_is_shown_is_converted(engine: Engine) -> None:
    pages = encode(photo(64, 48), save_all=True, append_images=[graphic(64, 48)], primary_index=1)
    outcome = await engine.run(Source(pages), Policy(targets=("webp",), quality=95))
    assert difference(decode(outcome.data).convert("RGB"), graphic(64, 48)) < 8


async def test_wide_colours_without_a_profile_are_brought_to_srgb(tools: Toolbox) -> None:
    picture = pillow_heif.from_pillow(Image.new("RGB", (64, 64), (200, 100, 100)))
    for primaries, least in ((1, 195), (12, 205)):
        data = _saved(picture, color_primaries=primaries, transfer_characteristics=13, quality=95)
        seen = await tools.call(Heic().decode, data, "HEIF", 1, False)
        assert seen and least < decode(seen["frames"][0]).getpixel((9, 9))[0] < least + 12


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


def _saved(image: Any, **options: Any) -> bytes:
    import io

    out = io.BytesIO()
    image.save(out, **{"quality": 40, **options})
    return out.getvalue()
