"""What a viewer shows of a file: frames upright and in sRGB, and the facts that have to survive."""

import gzip
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from subprocess import CalledProcessError
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageOps

from benchmarks.files import format_of
from benchmarks.programs import run
from utils.metadata import COPYRIGHT_TAG, GPS_IFD_TAG, ORIENTATION_TAG

pillow_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None

SRGB = ImageCms.createProfile("sRGB")
SRGB_GAMMA = 0.45455
SVG_SIDE = 512
DEEP_MODES = ("CMYK", "F", "I", "I;16", "I;16B", "LAB")
HARMLESS_TAGS = {ORIENTATION_TAG, COPYRIGHT_TAG}
XMP_KEYS = ("xmp", "XML:com.adobe.xmp")


class Undecodable(Exception):
    """This decoder cannot read the bytes."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Facts of a decoded file; `size` as displayed, `durations` in milliseconds."""

    size: tuple[int, int]
    digests: tuple[bytes, ...]
    """One for each frame's samples, invisible colour left out."""
    durations: tuple[int, ...]
    loop: int | None
    colour: bytes
    """The ICC profile, or the gamma where it is not sRGB's; empty for sRGB."""
    private: tuple[str, ...]
    """Metadata beside the picture that a person may not want published."""
    shown: dict[int, Image.Image]
    """Sampled frames as displayed, RGBA in sRGB."""


def look_at(data: bytes) -> Picture:
    """Decode a file; raises Undecodable."""
    try:
        if format_of(data) in ("svg", "svgz"):
            return _drawing(data)
        with Image.open(io.BytesIO(data)) as image:
            return _raster(image)
    except (OSError, ValueError, SyntaxError, EOFError, CalledProcessError) as error:
        raise Undecodable(str(error)[:200]) from error


def sampled(frames: int) -> list[int]:
    """The indices of at most five frames, the first and the last among them."""
    return sorted({(frames - 1) * quarter // 4 for quarter in range(5)})


def orientation(data: bytes) -> int:
    """The EXIF orientation, 1-8."""
    with Image.open(io.BytesIO(data)) as image:
        return int(image.getexif().get(ORIENTATION_TAG, 1))


def _raster(image: Image.Image) -> Picture:
    frames = 1 if image.format == "PSD" else getattr(image, "n_frames", 1)
    wanted = set(sampled(frames))
    digests, durations, shown = [], [], {}
    xmp = False
    for index in range(frames):
        if index:
            image.seek(index)
        image.load()
        xmp |= _take_xmp(image.info)
        upright = ImageOps.exif_transpose(image)
        digests.append(_digest(upright))
        if frames > 1:
            durations.append(int(image.info.get("duration") or 0))
        if index in wanted:
            shown[index] = _displayed(upright, image.info)
    loop = image.info.get("loop") if frames > 1 else None
    private = (*_private(image), *(("XMP",) if xmp else ()))
    return Picture(shown[0].size, tuple(digests), tuple(durations), loop, _colour(image), private, shown)


def _take_xmp(info: dict[str | tuple[int, int], Any]) -> bool:
    """Whether there was XMP; taken away because Pillow would turn the picture by it, and viewers go by EXIF alone."""
    taken = [info.pop(key, None) for key in XMP_KEYS]
    return any(taken)


def _drawing(data: bytes) -> Picture:
    """An SVG, rendered at its own size for the size and at SVG_SIDE pixels for the looks."""
    text = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    natural = Image.open(io.BytesIO(run("rsvg-convert", stdin=text) or b""))
    side = str(SVG_SIDE)
    large = Image.open(io.BytesIO(run("rsvg-convert", "-w", side, "-h", side, "-a", stdin=text) or b""))
    return Picture(natural.size, (_digest(large),), (), None, b"", (), {0: large.convert("RGBA")})


def _digest(image: Image.Image) -> bytes:
    samples = image if image.mode in DEEP_MODES else image.convert("RGBA").convert("RGBa")
    return hashlib.blake2b(samples.mode.encode() + samples.tobytes(), digest_size=16).digest()


def _displayed(image: Image.Image, info: dict[str | tuple[int, int], Any]) -> Image.Image:
    """RGBA in sRGB; a profile that does not fit the samples is passed over, as viewers do."""
    image = _eight_bit(image)
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    plain = image if image.mode in ("L", "RGB", "CMYK", "LAB") else image.convert("RGBA").convert("RGB")
    coloured = plain.convert("RGB")
    if icc := info.get("icc_profile"):
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            coloured = ImageCms.profileToProfile(plain, profile, SRGB, outputMode="RGB") or coloured
        except (ImageCms.PyCMSError, OSError):
            pass
    if alpha:
        coloured.putalpha(alpha)
    return coloured.convert("RGBA")


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode not in ("F", "I", "I;16", "I;16B"):
        return image
    values = np.asarray(image, dtype=np.float64)
    low, high = (0, 65535) if image.mode.startswith("I") else (values.min(), values.max())
    return Image.fromarray(np.uint8(np.clip((values - low) / ((high - low) or 1), 0, 1) * 255))


def _colour(image: Image.Image) -> bytes:
    if icc := image.info.get("icc_profile"):
        return bytes(icc)
    gamma = image.info.get("gamma", SRGB_GAMMA)
    return b"" if "srgb" in image.info or abs(gamma - SRGB_GAMMA) < 0.001 else f"gamma {gamma}".encode()


def _private(image: Image.Image) -> Iterator[str]:
    exif = image.getexif()
    if GPS_IFD_TAG in exif:
        yield "GPS"
    if image.format != "TIFF" and exif.keys() - HARMLESS_TAGS - {GPS_IFD_TAG}:
        yield "EXIF"
    if image.info.get("comment") or getattr(image, "text", None):
        yield "text"
