"""What is to be seen in a file, decoded in an isolated worker: the facts that `verify.py` compares."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from exceptions import UnprocessableImage

THUMB = 32
DEEP_MODES = ("CMYK", "F", "I", "I;16", "I;16B", "LAB", "YCbCr")
"""Modes whose own samples are compared; all others as 8-bit RGB or RGBa."""
THUMBS = 8
"""Frames of which a thumbnail is kept."""
BOX = 4
"""Pillow's box filter, `Image.Resampling.BOX`."""
DECODE_BUDGET = 8_000_000
"""Pixels looked at in one file: an animation past it is judged by its first frames."""


@contextmanager
def opened(data: bytes, decoder: str) -> Iterator[Any]:
    """An image of Pillow, by one named decoder; whatever fails inside raises UnprocessableImage."""
    from PIL import Image, UnidentifiedImageError

    if decoder == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    try:
        with Image.open(io.BytesIO(data), formats=[decoder]) as image:
            yield image
    except (MemoryError, UnprocessableImage):
        raise
    except UnidentifiedImageError:  # its own words are an address in memory
        raise UnprocessableImage(f"the image cannot be decoded as {decoder}") from None
    except Exception as error:
        raise UnprocessableImage(f"the image cannot be decoded: {error}"[:200]) from error


def raster(data: bytes, decoder: str, exact: bool = True) -> dict[str, Any]:
    """Decode with one named decoder of Pillow; raises UnprocessableImage where it cannot.

    The digest of the pixels is taken where `exact` asks for it: it costs about as much as decoding.
    """
    with opened(data, decoder) as image:
        return _facts(image, exact)


def outline(png: bytes) -> dict[str, Any]:
    """What is to be seen in PNG pixels, without the digest."""
    return raster(png, "PNG", exact=False)


def _facts(image: Any, exact: bool) -> dict[str, Any]:
    frames = getattr(image, "n_frames", 1)
    budget = DECODE_BUDGET
    digest = hashlib.sha256()
    thumbs = []
    if image.format == "JPEG":
        image.draft(None, (max(THUMB, image.width // 8), max(THUMB, image.height // 8)))
    for index in range(frames):
        image.seek(index)
        image.load()
        shown = _premultiplied(image)
        if exact:
            digest.update(image.tobytes() if image.mode in DEEP_MODES else _without_idle_alpha(shown).tobytes())
        if index < THUMBS:
            thumbs.append(_thumb(shown))
        budget -= image.width * image.height
        if budget <= 0:
            break
    icc = image.info.get("icc_profile") or b""
    return {
        "frames": frames,
        "pixels": digest.digest() if exact else b"",
        "thumbs": thumbs,
        "icc": hashlib.blake2b(icc, digest_size=8).digest() if icc else b"",
    }


def _premultiplied(image: Any) -> Any:
    """The picture in 8-bit RGB, or premultiplied RGBa where it has transparency: invisible colour does not count."""
    if image.mode in DEEP_MODES and image.mode not in ("CMYK", "LAB", "YCbCr"):
        image = eight_bit(image)
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        return image.convert("RGBA").convert("RGBa")
    return image if image.mode == "RGB" else image.convert("RGB")


def _without_idle_alpha(shown: Any) -> Any:
    """The same in RGB where every pixel is opaque, so that a dropped alpha channel makes no difference."""
    if shown.mode == "RGBa" and shown.getchannel("a").getextrema()[0] == 255:
        return shown.convert("RGBA").convert("RGB")
    return shown


def _thumb(shown: Any) -> bytes:
    """A small RGBa picture: enough to see a wrong colour, a lost layer."""
    size = (THUMB, THUMB)
    small = shown.resize(size, resample=BOX, reducing_gap=1.5) if min(shown.size) > THUMB else shown.resize(size)
    return bytes((small if small.mode == "RGBa" else small.convert("RGBA").convert("RGBa")).tobytes())


def eight_bit(image: Any) -> Any:
    """Samples of any range stretched over 8 bits."""
    low, high = image.getextrema()
    span = (high - low) or 1
    return image.convert("F").point(lambda v: (v - low) * (255 / span) + 0).convert("L")
