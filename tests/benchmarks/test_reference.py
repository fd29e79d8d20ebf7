"""The score sees what a person would."""

from PIL import Image, ImageFilter

from benchmarks.reference import score
from tests.helpers import graphic, photo


def rgba(image: Image.Image) -> Image.Image:
    return image.convert("RGBA")


def test_the_same_is_a_hundred_and_more_blur_is_less() -> None:
    image = rgba(photo())
    blurred = [score(image, image.filter(ImageFilter.GaussianBlur(radius))) for radius in (1, 3)]
    assert score(image, image) == 100
    assert 100 > blurred[0] > blurred[1]


def test_transparency_is_judged_on_both_grounds() -> None:
    """White on nothing cannot be told from nothing on white, but it can on black."""
    empty = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    light = Image.new("RGBA", (64, 64), (230, 230, 230, 0))
    light.paste((230, 230, 230, 255), (16, 16, 48, 48))
    assert score(empty, light) < 90


def test_only_the_centre_is_looked_at_when_limited() -> None:
    image = rgba(graphic(200, 200))
    scratched = image.copy()
    scratched.paste((0, 255, 0, 255), (0, 0, 30, 200))
    assert score(image, scratched) < 90
    assert score(image, scratched, max_mpx=0.01) == 100


def test_pictures_smaller_than_the_metric_s_window_are_seen() -> None:
    assert score(Image.new("RGBA", (4, 4), "red"), Image.new("RGBA", (4, 4), "blue")) < 90
