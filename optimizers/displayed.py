"""What a viewer shows of a file: sampled frames, upright, in 8-bit sRGB. Imported in the isolated workers alone."""

import io
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from exceptions import UnprocessableImage

Pixels = npt.NDArray[np.uint8]

FRAMES = 5
"""Frames of an animation that are looked at, evenly spread."""
FRAME_BUDGET = 64_000_000
"""Pixels decoded of an animation: past it the frames looked at are among its first."""
STILL = ("MPO", "PSD")
"""Pillow's names of formats whose further frames are parts of the first, or previews."""
WIDE_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")
SRGB = ImageCms.createProfile("sRGB")
XMP_KEYS = ("xmp", "XML:com.adobe.xmp")


def frames(data: bytes, decoder: str) -> Iterator[tuple[int, Image.Image]]:
    """How many frames there are, with each sampled one, upright, by one named decoder of Pillow.

    Raises UnprocessableImage where it cannot decode them.
    """
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
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    plain = image if image.mode in ("L", "RGB", "CMYK", "LAB") else image.convert("RGBA").convert("RGB")
    coloured = _by_profile(plain) or plain.convert("RGB")
    if alpha:
        coloured.putalpha(alpha)
    return np.asarray(coloured)


def _by_profile(image: Image.Image) -> Image.Image | None:
    icc = image.info.get("icc_profile")
    if not icc:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if ImageCms.getProfileDescription(profile).startswith("sRGB"):
            return None
        return ImageCms.profileToProfile(image, profile, SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return None


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode != "F" and image.mode not in WIDE_MODES:
        return image
    values = np.asarray(image, dtype=np.float64)
    low, high = (values.min(), values.max()) if image.mode == "F" else (0, 65535)
    return Image.fromarray(np.uint8(np.clip((values - low) / ((high - low) or 1), 0, 1) * 255))
