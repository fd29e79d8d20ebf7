"""AVIF by Pillow's libavif and libaom: what Pare's quality is there, and the calls that run in an isolated worker."""

import io
from typing import Any

from optimizers import heif
from optimizers.look import opened
from optimizers.policy import Effort, between

SPEED = {Effort.FAST: 8, Effort.BALANCED: 6, Effort.BEST: 5}
"""5 takes four times the CPU of 6 for 1 to 3 % of the bytes, 8 a third of it and writes 8 % more; under 5 a megapixel
takes more than 3 s and comes out no smaller."""
SLOW_DIALS = (
    (0, 0), (20, 23), (30, 32), (40, 38), (50, 42), (60, 46), (70, 52), (80, 60), (90, 75), (95, 86), (100, 100),
)  # fmt: skip
"""Pare's quality and libavif's, fitted on 34 photographs and products; the score at it is off by 10, 6, 4 and 3 points
(mean absolute, at 40, 70, 80 and 90)."""
FAST_DIALS = (
    (0, 0), (20, 20), (30, 37), (40, 43), (50, 47), (60, 52), (70, 57), (80, 62), (90, 77), (95, 88), (100, 100),
)  # fmt: skip
"""The same at speed 8, off by 10, 5, 4 and 3 points."""
DIALS = {Effort.FAST: FAST_DIALS, Effort.BALANCED: SLOW_DIALS, Effort.BEST: SLOW_DIALS}
QUANTIZERS = (
    (0, 100), (4, 99), (16, 95), (32, 90), (60, 80), (92, 70), (120, 60), (148, 50), (172, 40), (196, 30), (216, 20),
    (236, 10), (255, 0),
)  # fmt: skip
"""The base quantizer index that libavif's quality leads to, and that quality."""
MARGIN = 5
"""A source is written anew where its dial is this much above the asked one: less saves no tenth of it."""
FULL_COLOUR_FROM = 82
"""Quality from which full-size colour planes cost nothing or save up to a third (at 90: 3 % in the median); below,
half-size ones save 3 %."""
COLOUR_CONTRAST = 2.4
"""`chroma_contrast` of the whole pixels from which they do so at any quality."""
FULL_COLOUR, HALF_COLOUR = "4:4:4", "4:2:0"


def dial_of(quality: int, effort: Effort) -> int:
    """libavif's quality for Pare's."""
    return round(between(DIALS[effort], quality))


def highest_quality(quantizer: int | None) -> int:
    """The best quality for a source written so coarsely, 0 for none: nearer to it a generation of loss does not pay."""
    if quantizer is None:
        return 100
    found = between(QUANTIZERS, quantizer)
    return next((q for q in range(100, 0, -1) if between(SLOW_DIALS, q) + MARGIN < found), 0)


def source_quality(quantizer: int) -> int:
    """Pare's quality for a base quantizer index."""
    return round(between([(dial, q) for q, dial in SLOW_DIALS], between(QUANTIZERS, quantizer)))


def subsampling(quality: int, *, edgy: bool) -> str:
    """How large the colour planes should be; `edgy` where half-size ones would show."""
    return FULL_COLOUR if edgy or quality >= FULL_COLOUR_FROM else HALF_COLOUR


def encode(png: bytes, settings: dict[str, Any], icc: bytes = b"", exif: bytes = b"") -> bytes:
    """A file of PNG pixels, upright."""
    with opened(png, "PNG") as image:
        return _saved(image, settings, icc_profile=icc, exif=exif)


def recode(data: bytes, settings: dict[str, Any], exif_size: int, xmp: bytes) -> bytes:
    """An AVIF decoded and encoded again, with room for an EXIF item of a size."""
    from PIL import Image

    with opened(data, "AVIF") as image:
        image.load()
        room = Image.Exif()
        if exif_size:
            room[0x010E] = "x" * exif_size
        room[0x0112] = turn_of(image)
        return _saved(image, settings, exif=room, xmp=xmp)


def upright(data: bytes, decoder: str, orientation: int, animated: bool) -> dict[str, Any]:
    """Pixels as shown: libavif leaves the turns that the container asks for to the reader."""
    with opened(data, decoder) as image:
        orientation = turn_of(image)
    return heif.decode(data, decoder, orientation, animated)


def turn_of(image: Any) -> int:
    """The container's turn as an EXIF orientation: Pillow puts it into the block, and would else read it in XMP."""
    return int(image.getexif().get(0x0112, 1)) if "exif" in image.info else 1


def _saved(image: Any, settings: dict[str, Any], **beside: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "AVIF", max_threads=1, autotiling=False, **settings, **beside)
    return out.getvalue()
