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
STRIP = 1 << 20
"""Pixels whose bytes are taken at a time."""
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
            _digest(image if image.mode in DEEP_MODES else shown, digest)
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
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        return image.convert("RGBa")
    return image if image.mode == "RGB" else image.convert("RGB")


def _digest(shown: Any, digest: Any) -> None:
    """Add the pixels in strips: their bytes in one piece would be as much again as a large picture.

    Where every pixel is opaque they count in RGB, so that a dropped alpha channel makes no difference.
    """
    idle = shown.mode == "RGBa" and shown.getchannel("a").getextrema()[0] == 255
    rows = max(1, STRIP // shown.width)
    for top in range(0, shown.height, rows):
        strip = shown.crop((0, top, shown.width, min(top + rows, shown.height)))
        digest.update((strip.convert("RGBA").convert("RGB") if idle else strip).tobytes())


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
