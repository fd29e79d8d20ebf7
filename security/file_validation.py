"""Holds the numbers of a header against the limits, before any pixel is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

from exceptions import ImageLimitExceeded


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The largest image that is worked on: pixels of one frame, pixels of all, frames or pages, bytes."""

    pixels: int
    total_pixels: int
    frames: int
    decoded: int = 512 << 20
    """Of one decoded frame."""
    metadata: int = 64 << 20
    """Of text, EXIF, XMP and profiles, unpacked."""


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The largest drawing that is worked on; `unpack_ratio` is unpacked bytes for each packed one,
    `css` characters that have to be tokenized."""

    depth: int = 128
    elements: int = 400_000
    attributes: int = 300
    unpack_ratio: int = 100
    css: int = 4_000_000


def check_image(
    width: int,
    height: int,
    frames: int,
    limits: ImageLimits,
    *,
    pages: Sequence[int] = (),
    pixel_bytes: int = 0,
    metadata: int = 0,
) -> None:
    """Raises ImageLimitExceeded for the first limit that the header's numbers are over.

    `pages` are the pixels of each, where they differ; `pixel_bytes` what a decoded pixel takes.
    """
    pixels = max(pages, default=width * height)
    for what, actual, limit in (
        ("pixels in one frame", pixels, limits.pixels),
        ("frames", frames, limits.frames),
        ("pixels over all frames", sum(pages) or pixels * frames, limits.total_pixels),
        ("bytes in one decoded frame", pixels * pixel_bytes, limits.decoded),
        ("bytes of metadata", metadata, limits.metadata),
    ):
        if actual > limit:
            raise ImageLimitExceeded(f"{actual:,} {what}; the limit is {limit:,}", limit=limit, actual=actual)
