"""What `format=auto` stands for."""

import pytest

from delivery.negotiation import chosen
from optimizers.router import FORMATS

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
SAFARI_13 = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        (CHROME, "avif"),
        (SAFARI_13, ""),
        ("image/webp,*/*;q=0.8", "webp"),
        ("image/webp", "webp"),
        ("image/avif", "avif"),
        ("IMAGE/AVIF ; Q=1", "avif"),
        ("image/avif;q=0.5,image/webp", "webp"),
        ("image/avif;q=0,image/webp;q=0.1,image/jpeg;q=0", "webp"),
        ("image/avif;q=0,image/webp;q=0", ""),
        ("image/avif;q=0.8,image/jpeg", ""),
        ("image/avif;q=0.8,image/png", "avif"),
        ("image/webp;q=0.5,image/*;q=0.9", ""),
        ("image/webp;q=0.5,image/*;q=0.5", "webp"),
        ("*/*", ""),
        ("image/*", ""),
        ("image/jpeg", ""),
        ("text/html", ""),
        ("", ""),
        ("image/webp;q=nonsense", ""),
        ("image/webp;q=", ""),
        (",;=,;;q=1,image/", ""),
        ("image/avif" * 2000, ""),
    ],
)
def test_the_best_that_is_listed(accept: str, format: str) -> None:
    assert chosen(accept, FORMATS, "shop/cup.JPG") == format


def test_a_path_without_extension_weighs_like_any_image() -> None:
    assert chosen("image/webp;q=0.5,image/*;q=0.9", FORMATS, "cup") == ""
    assert chosen("image/webp;q=0.5,image/jpeg;q=0.4", FORMATS, "cup.pdf") == "webp"
