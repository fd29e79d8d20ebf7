"""What a PNG's pixels are like, and fewer levels of them; everything here runs in an isolated worker."""

from collections.abc import Sequence

from optimizers.look import opened
from utils.png_plain import png_of

SMALL_STEP = 8
"""Largest step between neighbours, in 8-bit values of any channel, that is a shade and no edge."""
MOST = 255
FEWEST_STEPS, MOST_STEPS = 8, 105


def traits(data: bytes) -> dict[str, float]:
    """How busy the picture is (share of neighbours that differ), how soft (share of these that differ little), and
    how many levels its richest channel has, and whether these are even steps. Every second row is looked at."""
    import numpy as np

    with opened(data, "PNG") as image:
        rows = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))[::2]
    channels = rows.reshape(-1, rows.shape[-1])
    used = max((np.flatnonzero(np.bincount(channel)).tolist() for channel in channels.T), key=len)
    steps = np.abs(np.diff(rows.astype(np.int16), axis=1)).max(axis=-1)
    count = int(np.count_nonzero(steps))
    small = int(np.count_nonzero(steps <= SMALL_STEP)) - (steps.size - count)
    return {
        "busy": count / max(1, steps.size),
        "soft": small / max(1, count),
        "levels": float(len(used)),
        "even": float(is_even(used)),
    }


def is_even(used: Sequence[int]) -> bool:
    """Whether values all lie on one of the coarse grids that `posterize` makes, and are too many for chance."""
    if not FEWEST_STEPS <= len(used) <= MOST_STEPS:
        return False
    return any(set(used) <= set(grid(levels)) for levels in range(len(used), min(2 * len(used), MOST_STEPS) + 1))


def grid(levels: int) -> list[int]:
    """So many even steps from black to white."""
    return [round(step * MOST / (levels - 1)) for step in range(levels)]


def posterize(data: bytes, levels: int) -> bytes:
    """The picture with each channel's samples moved to the nearest of `levels` even steps, not packed."""
    table = [round(round(value * (levels - 1) / MOST) * MOST / (levels - 1)) for value in range(MOST + 1)]
    with opened(data, "PNG") as image:
        if image.mode not in ("L", "LA", "RGB", "RGBA") or "transparency" in image.info:
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        return png_of(image.point(table * len(image.getbands())))
