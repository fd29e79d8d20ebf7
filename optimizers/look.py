"""What is to be seen in a file, decoded in an isolated worker: the facts that `verify.py` compares."""

import hashlib
from typing import Any

from exceptions import UnprocessableImage

THUMB = 32
THUMBS = 16
"""Frames of which a thumbnail is kept."""
BOX = 4
"""Pillow's box filter, `Image.Resampling.BOX`."""
DECODE_BUDGET = 24_000_000
"""Pixels looked at in one file: an animation past it is judged by its first frames."""


def raster(data: bytes, decoder: str) -> dict[str, Any]:
    """Decode with one named decoder of Pillow; raises UnprocessableImage where it cannot."""
    from PIL import Image, UnidentifiedImageError

    if decoder == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    try:
        with Image.open(_file(data), formats=[decoder]) as image:
            return _facts(image)
    except MemoryError:
        raise
    except UnidentifiedImageError:  # its own words are an address in memory
        raise UnprocessableImage(f"the image cannot be decoded as {decoder}") from None
    except Exception as error:
        raise UnprocessableImage(f"the image cannot be decoded: {error}"[:200]) from error


def _file(data: bytes) -> Any:
    import io

    return io.BytesIO(data)


def _facts(image: Any) -> dict[str, Any]:
    frames = getattr(image, "n_frames", 1)
    budget = DECODE_BUDGET
    digest = hashlib.blake2b(digest_size=16)
    thumbs = []
    if image.format == "JPEG":
        image.draft(None, (max(1, image.width // 8), max(1, image.height // 8)))
    for index in range(frames):
        image.seek(index)
        image.load()
        digest.update(_pixels(image))
        if index < THUMBS:
            thumbs.append(_thumb(image))
        budget -= image.width * image.height
        if budget <= 0:
            break
    icc = image.info.get("icc_profile") or b""
    return {
        "frames": frames,
        "pixels": digest.digest(),
        "thumbs": thumbs,
        "icc": hashlib.blake2b(icc, digest_size=8).digest() if icc else b"",
    }


def _pixels(image: Any) -> bytes:
    """The samples as 8-bit RGBA with invisible colour blacked out; deeper and CMYK samples as they are."""
    if image.mode in ("CMYK", "F", "I", "I;16", "I;16B", "LAB", "YCbCr"):
        return bytes(image.tobytes())
    rgba = image.convert("RGBA")
    if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
        return bytes(rgba.convert("RGBa").tobytes())
    return bytes(rgba.tobytes())


def _thumb(image: Any) -> bytes:
    """A small premultiplied RGBA picture: enough to see a turn, a wrong colour, a lost layer."""
    shown = _eight_bit(image) if image.mode in ("I", "I;16", "I;16B", "F") else image
    rgba = shown.convert("RGBA").convert("RGBa")
    small = (
        rgba.resize((THUMB, THUMB), resample=4, reducing_gap=1.5)
        if min(rgba.size) > THUMB
        else rgba.resize((THUMB, THUMB))
    )
    return bytes(small.tobytes())


def _eight_bit(image: Any) -> Any:
    low, high = image.getextrema()
    span = (high - low) or 1
    return image.convert("F").point(lambda v: (v - low) * (255 / span) + 0).convert("L")
