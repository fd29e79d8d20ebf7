"""Colours named by code points, brought to sRGB: known values in, known values out."""

import numpy as np
import pytest
from PIL import Image

from optimizers.colour import is_srgb, to_srgb
from tests.helpers import decode, difference, encode, graphic

BT709, BT2020, P3 = 1, 9, 12
SRGB, PQ, HLG = 13, 16, 18


def converted(colour: tuple[int, int, int], primaries: int, transfer: int) -> tuple[int, ...]:
    return decode(to_srgb(encode(Image.new("RGB", (2, 2), colour), "PNG"), primaries, transfer)).getpixel((0, 0))


def test_what_viewers_show_as_srgb_is_left() -> None:
    assert all(is_srgb(primaries, transfer) for primaries in (1, 2, 5, 6) for transfer in (1, 2, 6, 13))
    assert not any(is_srgb(*codes) for codes in ((P3, SRGB), (BT2020, 1), (BT709, PQ), (2, HLG)))


@pytest.mark.parametrize("primaries", [BT2020, P3])
def test_greys_stay_and_colours_get_stronger(primaries: int) -> None:
    assert np.ptp(converted((120, 120, 120), primaries, SRGB)) <= 1
    assert converted((120, 120, 120), primaries, SRGB)[0] == pytest.approx(120, abs=1)
    red, green, blue = converted((200, 100, 100), primaries, SRGB)
    assert red > 203 and green < 99 and blue < 101


def test_display_p3_is_as_its_definition_has_it() -> None:
    assert converted((234, 51, 35), P3, SRGB) == pytest.approx((255, 0, 0), abs=3)


def test_white_of_bright_pictures_is_white_and_highlights_stay_apart() -> None:
    levels = [converted((v, v, v), BT2020, PQ)[0] for v in (0, 60, 110, 148, 180, 220, 255)]
    assert levels == sorted(levels) and levels[0] == 0 and levels[-1] == 255
    assert 225 < levels[3] < 250  # 58 % of PQ is 203 nits
    assert 225 < converted((191, 191, 191), BT2020, HLG)[0] < 250  # 75 % of HLG is 203 nits


def test_transparency_stays() -> None:
    source = graphic(alpha=True)
    made = decode(to_srgb(encode(source, "PNG"), P3, SRGB))
    assert difference(made.getchannel("A"), source.getchannel("A")) == 0
