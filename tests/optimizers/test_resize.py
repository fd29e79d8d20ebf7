"""Another size: shapes, what is cut off, transparency, never larger."""

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from exceptions import UnprocessableImage
from optimizers import heif, pixels, tiff
from optimizers.fit import Fit
from optimizers.resize import Reading, Wish, resized
from optimizers.vips import vips
from tests.helpers import decode, difference, encode, graphic, photo
from utils.worker import name_of

PNG = Reading("PNG", name_of(pixels.decode))
JPEG = Reading("JPEG", name_of(pixels.decode))
WEBP = Reading("WEBP", name_of(pixels.decode))


def shown(data: bytes, reading: Reading, *wish: Any, **options: Any) -> Image.Image:
    done = resized(data, reading, Wish(*wish, **options))
    image = decode(done["frames"][0])
    assert image.size == (done["width"], done["height"])
    assert image.has_transparency_data is done["alpha"]
    return image


def made(image: Image.Image, *wish: Any, **options: Any) -> Image.Image:
    return shown(encode(image, "PNG"), PNG, *wish, **options)


@pytest.mark.parametrize(
    ("wish", "size"),
    [
        ((80, None, Fit.INSIDE), (80, 60)),
        ((None, 30, Fit.INSIDE), (40, 30)),
        ((100, 30, Fit.INSIDE), (40, 30)),
        ((1000, 1000, Fit.INSIDE), (160, 120)),
        ((1, 1, Fit.INSIDE), (1, 1)),
        ((100, 30, Fit.OUTSIDE), (100, 75)),
        ((30, 90, Fit.OUTSIDE), (120, 90)),
        ((1000, 30, Fit.OUTSIDE), (160, 120)),
        ((None, 30, Fit.OUTSIDE), (40, 30)),
        ((30, 90, Fit.FILL), (30, 90)),
        ((40, None, Fit.FILL), (40, 30)),
        ((320, 60, Fit.FILL), (160, 30)),
        ((50, 50, Fit.COVER), (50, 50)),
        ((50, None, Fit.COVER), (50, 38)),
        ((160, 10, Fit.COVER), (160, 10)),
        ((400, 400, Fit.COVER), (120, 120)),
        ((400, 100, Fit.COVER), (160, 40)),
        ((50, 50, Fit.ATTENTION), (50, 50)),
        ((160, 10, Fit.ATTENTION), (160, 10)),
        ((400, 400, Fit.ATTENTION), (120, 120)),
        ((None, 60, Fit.ATTENTION), (80, 60)),
        ((40, 50, Fit.THUMB), (40, 50)),
    ],
)
def test_sizes(wish: tuple[Any, ...], size: tuple[int, int]) -> None:
    picture = photo(160, 120)
    assert made(picture, *wish).size == size
    assert shown(encode(picture, "JPEG"), JPEG, *wish).size == size


def test_the_middle_is_shown_of_what_is_covered() -> None:
    picture = Image.new("RGB", (900, 300), "white")
    picture.paste("red", (300, 0, 600, 300))
    for reading in (PNG, JPEG, WEBP):
        colours = np.asarray(shown(encode(picture, reading.decoder, quality=95), reading, 60, 60, Fit.COVER)).astype(
            int
        )
        assert (colours[:, 1:-1, 0] - colours[:, 1:-1, 1]).min() > 200


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("reading", [JPEG, PNG])
def test_turned_pictures_are_shown_upright(reading: Reading, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = encode(graphic(320, 240), reading.decoder, exif=exif, quality=95)
    upright = ImageOps.exif_transpose(decode(file)).convert("RGB")
    half = (upright.width // 2, upright.height // 2)
    found = shown(file, reading._replace(orientation=orientation), *half, Fit.FILL)
    assert difference(found, upright.resize(half, Image.Resampling.LANCZOS)) < 2


@pytest.mark.parametrize("reading", [JPEG, WEBP, PNG])
@pytest.mark.parametrize("width", [25, 60, 111, 300, 800, 1000])
def test_what_is_decoded_smaller_shows_the_same(reading: Reading, width: int) -> None:
    picture = graphic(1000, 800)
    found = shown(encode(picture, reading.decoder, quality=95), reading, width, None, Fit.INSIDE)
    assert difference(found, picture.resize(found.size, Image.Resampling.LANCZOS)) < 2


def test_colours_become_srgb() -> None:
    picture = graphic(320, 240)
    plain = vips().Image.new_from_array(np.asarray(picture)).copy(interpretation="srgb")
    wide = decode(plain.icc_transform("p3", input_profile="srgb").pngsave_buffer())
    assert difference(wide.convert("RGB"), picture) > 2  # the same colours by other numbers
    for reading in (PNG, JPEG, WEBP):
        file = encode(wide, reading.decoder, quality=95, icc_profile=wide.info["icc_profile"])
        found = shown(file, reading, 160, None, Fit.INSIDE)
        assert difference(found, picture.resize((160, 120), Image.Resampling.LANCZOS)) < 2
        assert "icc_profile" not in found.info


def test_sixteen_bits_and_grey_become_eight_and_colour() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    found = made(Image.fromarray(ramp), 32, None, Fit.INSIDE)
    assert found.mode == "RGB"
    assert np.asarray(found)[..., 0].max() > 250 and np.asarray(found)[..., 0].min() < 5


def test_a_channel_that_is_opaque_is_dropped() -> None:
    assert made(photo().convert("RGBA"), 80, None, Fit.INSIDE).mode == "RGB"
    assert made(graphic(alpha=True), 80, None, Fit.INSIDE).mode == "RGBA"


def test_what_libvips_does_not_read_is_read_by_pillow() -> None:
    picture = photo()
    readings = [
        (encode(picture, "BMP"), Reading("BMP", name_of(pixels.decode))),
        (encode(picture, "TIFF"), Reading("TIFF", name_of(tiff.decode_tiff))),
        (encode(picture, "AVIF", quality=95), Reading("AVIF", name_of(heif.decode))),
        (encode(picture.convert("CMYK"), "JPEG", quality=95), JPEG),
    ]
    for file, reading in readings:
        found = shown(file, reading, 80, 60, Fit.INSIDE)
        assert difference(found, picture.resize((80, 60), Image.Resampling.LANCZOS)) < 3, reading


@pytest.mark.parametrize("reading", [JPEG, PNG, WEBP])
def test_what_is_cut_short_is_refused(reading: Reading) -> None:
    file = encode(photo(640, 480), reading.decoder)
    with pytest.raises(UnprocessableImage):
        resized(file[: len(file) * 3 // 4], reading, Wish(80, None, Fit.INSIDE))


def test_edges_are_harder_where_asked() -> None:
    picture = graphic(640, 480)
    plain, sharp = (np.asarray(made(picture, 160, None, Fit.INSIDE, sharpen=on)).astype(int) for on in (False, True))
    assert np.abs(np.diff(sharp, axis=1)).mean() > 1.02 * np.abs(np.diff(plain, axis=1)).mean()


def test_it_is_the_same_picture() -> None:
    picture = photo(160, 120)
    assert difference(made(picture, 80, 60, Fit.INSIDE), picture.resize((80, 60), Image.Resampling.LANCZOS)) < 1.5


def test_what_draws_attention_stays_in_every_frame() -> None:
    first = Image.new("RGB", (300, 100), "gray")
    ImageDraw.Draw(first).ellipse((230, 20, 290, 80), fill="red")
    second = Image.new("RGB", (300, 100), "gray")
    ImageDraw.Draw(second).ellipse((10, 20, 70, 80), fill="red")
    film = encode(first, "PNG", save_all=True, append_images=[second])
    done = resized(film, PNG._replace(animated=True), Wish(50, 50, Fit.ATTENTION))
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
