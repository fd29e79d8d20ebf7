"""What becomes of an original: its format, its size, what is kept of it."""

import io

import pillow_heif
import pytest
from PIL import Image

from delivery.drawing import changes, draw
from delivery.parameters import Wishes
from exceptions import ImageLimitExceeded, UnknownFormat
from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.fit import Fit
from optimizers.outcome import Outcome
from security.file_validation import ImageLimits
from tests.helpers import decode, encode, graphic, photo

DRAWING = (
    b"<svg xmlns='http://www.w3.org/2000/svg' width='80' height='40'><script>x</script>"
    b"<rect width='9' height='9'/></svg>"
)
AUTO_WEBP, AUTO_AVIF = "auto-webp", "auto-avif"


def film(format: str) -> bytes:
    frames = [photo(80, 60, seed=seed) for seed in (1, 2, 3)]
    return encode(frames[0], format, save_all=True, append_images=frames[1:], duration=100, loop=0)


def heic(alpha: bool) -> bytes:
    pillow_heif.register_heif_opener()
    return encode(graphic(80, 60, alpha=alpha), "HEIF")


async def drawn(engine: Engine, data: bytes, **wishes: object) -> Outcome:
    wish = Wishes(**{"quality": 80, **wishes})  # type: ignore[arg-type]
    negotiated = wish.format.removeprefix("auto-") if wish.format.startswith("auto-") else ""
    return await draw(engine, Source(data), wish, negotiated, {})


def frames_of(data: bytes) -> int:
    return getattr(Image.open(io.BytesIO(data)), "n_frames", 1)


@pytest.mark.parametrize(
    ("size", "wish", "expected"),
    [
        ((160, 120), {}, False),
        ((160, 120), {"width": 160}, False),
        ((160, 120), {"width": 161}, False),
        ((160, 120), {"width": 159}, True),
        ((160, 120), {"width": 9999, "height": 9999}, False),
        ((160, 120), {"width": 9999, "height": 119}, True),
        ((160, 120), {"width": 9999, "height": 119, "fit": Fit.OUTSIDE}, False),
        ((160, 120), {"width": 99, "height": 99, "fit": Fit.OUTSIDE}, True),
        ((160, 120), {"width": 320, "height": 240, "fit": Fit.COVER}, False),
        ((160, 120), {"width": 320, "height": 320, "fit": Fit.COVER}, True),
        ((160, 120), {"width": 320, "height": 320, "fit": Fit.FILL}, True),
        ((160, 120), {"width": 160, "height": 120, "fit": Fit.FILL}, False),
        ((160, 120), {"height": 130, "fit": Fit.COVER}, False),
    ],
)
def test_what_changes_a_picture(size: tuple[int, int], wish: dict[str, object], expected: bool) -> None:
    assert changes(size, Wishes(**wish)) is expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wish", "size"),
    [
        ({"width": 80}, (80, 60)),
        ({"height": 30}, (40, 30)),
        ({"width": 80, "height": 80}, (80, 60)),
        ({"width": 80, "height": 80, "fit": Fit.COVER}, (80, 80)),
        ({"width": 80, "height": 80, "fit": Fit.FILL}, (80, 80)),
        ({"width": 80, "height": 80, "fit": Fit.OUTSIDE}, (107, 80)),
        ({"width": 1000}, (160, 120)),
        ({"width": 1000, "height": 1000, "fit": Fit.COVER}, (120, 120)),
        ({"width": 131_072, "height": 131_072, "fit": Fit.FILL}, (120, 120)),
        ({"width": 131_072, "height": 1, "fit": Fit.OUTSIDE}, (160, 120)),
    ],
)
async def test_sizes(engine: Engine, wish: dict[str, object], size: tuple[int, int]) -> None:
    outcome = await drawn(engine, encode(photo(), "JPEG", quality=95), **wish)
    assert decode(outcome.data).size == outcome.before.displayed_size == size
    assert outcome.made.name == "jpeg"


async def test_a_picture_that_keeps_its_size_is_never_larger(engine: Engine) -> None:
    coarse = encode(photo(), "JPEG", quality=20)
    for wish in ({}, {"width": 160}, {"width": 500}, {"format": AUTO_WEBP}, {"format": AUTO_AVIF}):
        assert len((await drawn(engine, coarse, **wish)).data) <= len(coarse)


@pytest.mark.parametrize(
    ("data", "wish", "format", "frames"),
    [
        (film("GIF"), {"width": 40}, "GIF", 3),
        (film("GIF"), {"width": 40, "format": AUTO_WEBP}, "WEBP", 3),
        (film("GIF"), {"width": 40, "format": AUTO_AVIF}, "WEBP", 3),
        (film("GIF"), {"width": 40, "format": "avif"}, "AVIF", 1),
        (film("GIF"), {"width": 40, "format": "jpeg"}, "JPEG", 1),
        (film("WEBP"), {"width": 40}, "WEBP", 3),
        (film("PNG"), {}, "PNG", 3),
        (film("PNG"), {"width": 40}, "WEBP", 3),
        (heic(alpha=False), {}, "PNG", 1),
        (heic(alpha=True), {"width": 40}, "PNG", 1),
        (heic(alpha=True), {"format": AUTO_AVIF}, "AVIF", 1),
        (encode(photo(80, 60), "BMP"), {"width": 40}, "JPEG", 1),
        (encode(photo(80, 60), "TIFF"), {}, "JPEG", 1),
        (encode(graphic(80, 60, alpha=True), "PNG"), {"width": 40}, "PNG", 1),
        (encode(graphic(80, 60, alpha=True), "PNG"), {"width": 40, "format": "jpeg"}, "JPEG", 1),
        (encode(photo(80, 60), "PNG"), {"width": 40, "format": AUTO_WEBP}, "WEBP", 1),
        (DRAWING, {"width": 40, "format": "png"}, "PNG", 1),
        (DRAWING, {"format": "webp"}, "WEBP", 1),
    ],
)
async def test_formats(engine: Engine, data: bytes, wish: dict[str, object], format: str, frames: int) -> None:
    outcome = await drawn(engine, data, **wish)
    shown = decode(outcome.data)
    assert (shown.format, frames_of(outcome.data)) == (format, frames)
    assert shown.size[0] == wish.get("width", 80)


@pytest.mark.parametrize("wish", [{}, {"width": 20}, {"format": AUTO_AVIF}, {"format": AUTO_WEBP, "height": 9}])
async def test_a_drawing_stays_one_unless_another_format_is_named(engine: Engine, wish: dict[str, object]) -> None:
    outcome = await drawn(engine, DRAWING, **wish)
    assert outcome.made.name == "svg" and b"script" not in outcome.data and b"<path" in outcome.data


async def test_transparency_stays(engine: Engine) -> None:
    outcome = await drawn(engine, encode(graphic(alpha=True), "PNG"), width=80, format=AUTO_AVIF)
    assert decode(outcome.data).convert("RGBA").getpixel((1, 1))[3] == 0


async def test_auto_quality_is_measured(engine: Engine) -> None:
    outcome = await drawn(engine, encode(photo(), "PNG"), width=100, format="webp", quality=None)
    assert outcome.score is not None and outcome.score >= 75


async def test_avif_is_written_anew_only_when_asked_to(engine: Engine) -> None:
    picture = encode(photo(), "AVIF", quality=95)
    assert (await drawn(engine, picture)).quality is None
    assert (await drawn(engine, picture, quality_named=True)).quality == 80


async def test_edges_are_hardened_where_asked(engine: Engine) -> None:
    picture = encode(graphic(), "PNG")
    plain, hard = [await drawn(engine, picture, width=80, sharpen=wish) for wish in (False, True)]
    assert plain.data != hard.data


async def test_refusals(engine: Engine) -> None:
    with pytest.raises(UnknownFormat):
        await drawn(engine, b"hello")
    engine._limits = ImageLimits(pixels=100, total_pixels=100, frames=1)
    for wish in ({}, {"width": 1}, {"format": AUTO_WEBP}):
        with pytest.raises(ImageLimitExceeded):
            await drawn(engine, encode(photo(), "JPEG"), **wish)
