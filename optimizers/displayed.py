"""What a viewer shows of a file: sampled frames, upright, in 8-bit sRGB. Imported in the isolated workers alone."""

import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from exceptions import UnprocessableImage
from optimizers import svg_render

Pixels = npt.NDArray[np.uint8]

FRAMES = 5
"""Frames of an animation that are looked at, evenly spread."""
FRAME_BUDGET = 64_000_000
"""Pixels decoded of an animation: past it the frames looked at are among its first."""
STILL = ("MPO", "PSD")
"""Pillow's names of formats whose further frames are parts of the first, or previews."""
STRIP = 1 << 20
"""Pixels brought to sRGB at a time."""
PLAIN_MODES = ("L", "RGB", "CMYK", "LAB")
"""What a profile may speak of as it is."""
WIDE_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")
SRGB = ImageCms.createProfile("sRGB")
XMP_KEYS = ("xmp", "XML:com.adobe.xmp")


def frames(data: bytes, decoder: str) -> Iterator[tuple[int, Image.Image]]:
    """How many frames there are, with each sampled one, upright, by one named decoder of Pillow, drawings rendered.

    Raises UnprocessableImage where it cannot decode them.
    """
    if decoder == svg_render.DECODER:
        yield 1, svg_render.shown(data)
        return
    if decoder == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    try:
        with Image.open(io.BytesIO(data), formats=[decoder]) as image:
            count = 1 if image.format in STILL else getattr(image, "n_frames", 1)
            for index in _sampled(image, count):
                image.seek(index)
                image.load()
                yield count, _upright(image)
    except (MemoryError, UnprocessableImage):
        raise
    except UnidentifiedImageError:  # its own words are an address in memory
        raise UnprocessableImage(f"the image cannot be decoded as {decoder}") from None
    except Exception as error:
        raise UnprocessableImage(f"the image cannot be decoded: {error}"[:200]) from error


def _sampled(image: Image.Image, count: int) -> list[int]:
    last = min(count, max(1, FRAME_BUDGET // (image.width * image.height))) - 1
    return sorted({last * part // (FRAMES - 1) for part in range(FRAMES)})


def _upright(image: Image.Image) -> Image.Image:
    """Turned by EXIF, as viewers do: Pillow would go by XMP too."""
    for key in XMP_KEYS:
        image.info.pop(key, None)
    ImageOps.exif_transpose(image, in_place=True)
    return image


def srgb(image: Image.Image) -> Pixels:
    """Height, width and RGB, or RGBA where something may be transparent; a profile that does not fit is passed over."""
    image = _eight_bit(image)
    transform = _to_srgb(image)
    made = np.empty((image.height, image.width, 4 if image.has_transparency_data else 3), np.uint8)
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):  # copies of a whole large picture would fill a worker's memory
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        made[top : top + rows] = np.asarray(_coloured(strip, transform))
    return made


def _coloured(image: Image.Image, transform: ImageCms.ImageCmsTransform | None) -> Image.Image:
    plain = image if image.mode in PLAIN_MODES else image.convert("RGBA").convert("RGB")
    coloured = ImageCms.applyTransform(plain, transform) if transform else plain.convert("RGB")
    assert coloured
    if image.has_transparency_data:
        coloured.putalpha(image.convert("RGBA").getchannel("A"))
    return coloured


def _to_srgb(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    icc = image.info.get("icc_profile")
    if not icc:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if ImageCms.getProfileDescription(profile).startswith("sRGB"):
            return None
        return ImageCms.buildTransform(profile, SRGB, image.mode if image.mode in PLAIN_MODES else "RGB", "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode != "F" and image.mode not in WIDE_MODES:
        return image
    values = np.asarray(image, dtype=np.float64)
    low, high = (values.min(), values.max()) if image.mode == "F" else (0, 65535)
    return Image.fromarray(np.uint8(np.clip((values - low) / ((high - low) or 1), 0, 1) * 255))
