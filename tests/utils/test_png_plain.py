"""Pixels handed on as PNG: what goes in comes out."""

import io

import numpy as np
import pytest
from PIL import Image

from utils.png_plain import MOST_PLAIN, plain, png_of


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "1", "P"])
def test_every_pixel_comes_back(mode: str) -> None:
    image = Image.linear_gradient("L").resize((37, 19)).convert("RGBA" if "A" in mode else "RGB").convert(mode)
    read = Image.open(io.BytesIO(png_of(image)))
    assert read.mode == mode and read.tobytes() == image.tobytes()


def test_one_of_many_is_packed() -> None:
    image = Image.new("RGB", (100, 100))
    assert len(png_of(image)) > 30_000 > 1000 > len(png_of(image, MOST_PLAIN + 1))


def test_grey_without_a_channel_axis() -> None:
    read = Image.open(io.BytesIO(plain(np.full((3, 5), 7, np.uint8))))
    assert (read.mode, read.size, read.getextrema()) == ("L", (5, 3), (7, 7))
