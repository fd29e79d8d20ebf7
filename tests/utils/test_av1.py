"""The quantizer of AV1 stills, read as libaom wrote it."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exceptions import UnprocessableImage
from optimizers import heif
from tests.helpers import encode, graphic, photo
from utils.av1 import base_quantizer


def coded(data: bytes) -> bytes:
    meta = heif.primary_meta(data)
    return meta.content(data, meta.primary or 0)


@pytest.mark.parametrize(("quality", "quantizer"), [(100, 0), (90, 32), (60, 120), (30, 196), (0, 255)])
@pytest.mark.parametrize("size", [(64, 64), (37, 300), (700, 20)], ids=str)
def test_quality_leads_to_the_quantizer_that_is_read(size: tuple[int, int], quality: int, quantizer: int) -> None:
    for picture in (photo(*size), graphic(*size)):
        for subsampling in ("4:2:0", "4:4:4"):
            data = encode(picture, "AVIF", quality=quality, speed=10, subsampling=subsampling)
            assert base_quantizer(coded(data)) == quantizer


def test_tiles_are_read_over() -> None:
    for options in ({"tile_cols": 2, "tile_rows": 1}, {"autotiling": True}):
        assert base_quantizer(coded(encode(photo(1100, 700), "AVIF", quality=60, speed=10, **options))) == 120


def test_what_is_not_a_still_says_nothing() -> None:
    frames = [photo(64, 48), photo(64, 48, seed=2)]
    data = encode(frames[0], "AVIF", save_all=True, append_images=frames[1:], duration=90, speed=10)
    assert base_quantizer(coded(data)) is None
    assert base_quantizer(b"") is None
    assert base_quantizer(coded(encode(frames[0], "AVIF", speed=10))[4:]) is None


SEED = coded(encode(photo(64, 48), "AVIF", speed=10))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 40), st.binary(min_size=1, max_size=6), st.integers(0, 60))
def test_any_bytes_give_a_quantizer_none_or_a_refusal(at: int, noise: bytes, length: int) -> None:
    with suppress(UnprocessableImage):
        found = base_quantizer((SEED[:at] + noise + SEED[at + len(noise) :])[:length])
        assert found is None or 0 <= found <= 255
