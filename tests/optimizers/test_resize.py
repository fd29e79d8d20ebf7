"""Another size: shapes, what is cut off, transparency, never larger."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from optimizers.resize import Fit, resized
from tests.helpers import decode, difference, encode, photo


def made(image: Image.Image, *wish: Any, **options: Any) -> Image.Image:
    done = resized([encode(image, "PNG")], *wish, **options)
    shown = decode(done["frames"][0])
    assert shown.size == (done["width"], done["height"])
    return shown


@pytest.mark.parametrize(
    ("wish", "size"),
    [
        ((80, None, Fit.INSIDE), (80, 60)),
        ((None, 30, Fit.INSIDE), (40, 30)),
        ((100, 30, Fit.INSIDE), (40, 30)),
        ((1000, 1000, Fit.INSIDE), (160, 120)),
        ((1, 1, Fit.INSIDE), (1, 1)),
        ((50, 50, Fit.COVER), (50, 50)),
        ((160, 10, Fit.COVER), (160, 10)),
        ((400, 400, Fit.COVER), (120, 120)),
        ((40, 50, Fit.THUMB), (40, 50)),
    ],
)
def test_sizes(wish: tuple[Any, ...], size: tuple[int, int]) -> None:
    assert made(photo(160, 120), *wish).size == size


def test_it_is_the_same_picture() -> None:
    picture = photo(160, 120)
    assert difference(made(picture, 80, 60, Fit.INSIDE), picture.resize((80, 60), Image.Resampling.LANCZOS)) < 1.5


def test_what_draws_attention_stays_in_every_frame() -> None:
    first = Image.new("RGB", (300, 100), "gray")
    ImageDraw.Draw(first).ellipse((230, 20, 290, 80), fill="red")
    second = Image.new("RGB", (300, 100), "gray")
    ImageDraw.Draw(second).ellipse((10, 20, 70, 80), fill="red")
    done = resized([encode(first, "PNG"), encode(second, "PNG")], 50, 50, Fit.COVER)
    shown = [np.asarray(decode(frame)).astype(int) for frame in done["frames"]]
    assert (shown[0][..., 0] - shown[0][..., 1]).max() > 150
    assert (shown[1][..., 0] - shown[1][..., 1]).max() < 20  # cut where the first frame was


def test_an_object_on_a_plain_ground_is_shown_whole() -> None:
    picture = Image.new("RGB", (400, 400), (250, 250, 240))
    ImageDraw.Draw(picture).rectangle((190, 20, 209, 379), fill=(200, 0, 0))
    shown = np.asarray(made(picture, 100, 50, Fit.THUMB)).astype(int)
    assert shown.shape == (50, 100, 3)
    assert (shown[[0, -1]] == (250, 250, 240)).all() and (shown[:, [0, -1]] == (250, 250, 240)).all()
    red = shown[..., 0] - shown[..., 1] > 60
    assert 38 <= red.any(axis=1).sum() <= 46  # its height and a margin fill the thumbnail
    assert abs(np.nonzero(red.any(axis=0))[0].mean() - 49.5) < 1.5


def test_an_object_on_a_transparent_ground_keeps_it() -> None:
    picture = Image.new("RGBA", (200, 100), (0, 0, 0, 0))
    ImageDraw.Draw(picture).rectangle((20, 30, 60, 70), fill=(0, 0, 200, 255))
    shown = np.asarray(made(picture, 30, 60, Fit.THUMB))
    assert shown.shape == (60, 30, 4)
    assert shown[0].max() == 0 and tuple(shown[30, 15]) == (0, 0, 200, 255)


def test_a_thumbnail_has_no_more_pixels_than_its_source() -> None:
    picture = Image.new("RGB", (100, 100), "white")
    ImageDraw.Draw(picture).rectangle((40, 40, 60, 60), fill="black")
    shown = made(picture, 10_000, 5_000, Fit.THUMB)
    assert shown.width * shown.height <= 10_000 and shown.width == pytest.approx(2 * shown.height, abs=2)


def test_hidden_colours_do_not_bleed() -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, :31] = (255, 0, 0, 0)
    pixels[:, 31:] = (0, 200, 0, 255)
    shown = np.asarray(made(Image.fromarray(pixels), 32, None, Fit.INSIDE))
    assert shown[shown[..., 3] > 16][:, 0].max() <= 1


def test_light_mixes_as_light_does_where_asked() -> None:
    lines = np.zeros((64, 64, 3), np.uint8)
    lines[::2] = 255
    picture = Image.fromarray(lines)
    assert np.asarray(made(picture, 16, None, Fit.INSIDE)).mean() == pytest.approx(128, abs=6)
    assert np.asarray(made(picture, 16, None, Fit.INSIDE, linear=True)).mean() == pytest.approx(188, abs=6)
