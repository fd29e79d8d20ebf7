"""Holds the numbers of a header against the limits, before any pixel is decoded."""

from dataclasses import dataclass

from exceptions import ImageLimitExceeded


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The largest image that is worked on; pixels of one frame, pixels of all, frames or pages."""

    pixels: int
    total_pixels: int
    frames: int


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The largest drawing that is worked on; `unpack_ratio` is unpacked bytes for each packed one."""

    depth: int = 128
    elements: int = 400_000
    attributes: int = 300
    unpack_ratio: int = 100


def check_image(width: int, height: int, frames: int, limits: ImageLimits) -> None:
    """Raises ImageLimitExceeded for the first limit that the header's numbers are over."""
    pixels = width * height
    for what, actual, limit in (
        ("pixels in one frame", pixels, limits.pixels),
        ("frames", frames, limits.frames),
        ("pixels over all frames", pixels * frames, limits.total_pixels),
    ):
        if actual > limit:
            raise ImageLimitExceeded(f"{actual:,} {what}; the limit is {limit:,}", limit=limit, actual=actual)
