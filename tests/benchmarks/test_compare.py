"""Every way of breaking a picture is seen, and nothing else is called broken."""

import pytest
from PIL import Image, ImageCms, ImageOps

from benchmarks.compare import Check, compare
from tests.helpers import encode, graphic, photo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FRAMES = [photo(32, 32, seed) for seed in (1, 2, 3)]


def animation(frames: int = 3, duration: int = 100, loop: int = 0) -> bytes:
    rest = FRAMES[1:frames]
    return encode(FRAMES[0], "GIF", save_all=True, append_images=rest, duration=duration, loop=loop)


def turned(image: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(image, "JPEG", quality=95, exif=exif)


def test_the_same_file_is_the_same_picture() -> None:
    data = encode(photo(), "PNG")
    assert compare(data, data) == (verdict := compare(data, encode(photo(), "PNG", compress_level=1)))
    assert (verdict.score, verdict.exact, verdict.defects) == (100.0, True, ())


def test_a_coarser_encoding_scores_lower_and_is_not_exact() -> None:
    original = encode(photo(), "JPEG", quality=95)
    good, poor = (compare(original, encode(photo(), "JPEG", quality=q)) for q in (90, 40))
    assert good.score is not None and poor.score is not None
    assert 100 > good.score > poor.score
    assert not good.exact


def test_a_ruined_picture_is_called_broken() -> None:
    verdict = compare(encode(photo(), "PNG"), encode(ImageOps.invert(photo()), "PNG"))
    assert any(defect.startswith("score") for defect in verdict.defects)


def test_a_picture_stored_turned_is_the_one_displayed_upright() -> None:
    upright = turned(photo(), 1)
    stored_turned = turned(photo().transpose(Image.Transpose.ROTATE_90), 6)
    verdict = compare(upright, stored_turned)
    assert verdict.defects == () and verdict.score is not None and verdict.score > 90


def test_a_lost_orientation_is_seen() -> None:
    assert compare(turned(photo(), 6), encode(photo(), "JPEG", quality=95)).defects[0].startswith("size")


@pytest.mark.parametrize(
    ("changed", "defect"),
    [
        (animation(duration=200), "frame times"),
        (animation(loop=3), "loop 0 → 3"),
        (animation(frames=2), "frames 3 → 2"),
    ],
    ids=["retimed", "loop", "frame lost"],
)
def test_a_changed_animation_is_seen(changed: bytes, defect: str) -> None:
    assert defect in compare(animation(), changed).defects


def test_a_lost_profile_is_seen() -> None:
    assert compare(encode(photo(), "PNG", icc_profile=SRGB), encode(photo(), "PNG")).defects == ("colour profile",)


def test_another_format_is_seen() -> None:
    assert "format png → bmp" in compare(encode(photo(), "PNG"), encode(photo(), "BMP")).defects


def test_cut_off_data_is_undecodable() -> None:
    data = encode(photo(), "PNG")
    assert compare(data, data[: len(data) // 2]).defects[0].startswith("undecodable")


def test_private_metadata_left_behind_is_seen_unless_it_may_stay() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    data = encode(photo(), "JPEG", exif=exif, comment="home")
    assert compare(data, data).defects == ("still has EXIF, text",)
    assert compare(data, data, Check(clean=False)).defects == ()


def test_pixels_that_must_not_change() -> None:
    data, other = encode(photo(), "PNG"), encode(photo(seed=2), "PNG")
    assert "pixels changed" in compare(data, other, Check(score=False, exact=True)).defects


def test_invisible_colour_does_not_count() -> None:
    image = graphic(alpha=True)
    painted = Image.composite(image, Image.new("RGBA", image.size, (1, 2, 3, 0)), image.getchannel("A"))
    assert compare(encode(image, "PNG"), encode(painted, "PNG")).exact


def test_drawings_are_rendered() -> None:
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10"><rect width="{}" height="10"/></svg>'
    full, half = (drawing.format(width).encode() for width in (20, 10))
    assert compare(full, full.replace(b' height="10"><rect', b' height="10">\n<rect')).score == 100
    assert compare(full, half).score != 100
    assert compare(full, full.replace(b'width="20" height="10">', b'width="40" height="20">')).defects[0] == (
        "size (20, 10) → (40, 20)"
    )
