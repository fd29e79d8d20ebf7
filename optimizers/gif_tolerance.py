"""How far a GIF's pixels may be bent: drawings bear more than noise, flat colours and bent ones nothing."""

from utils.gif_blocks import Gif, Image

FLAT_COLOURS = 16
"""Up to so many colours are drawn, not photographed: their errors show and save nothing."""
SMOOTH, STEEPNESS = 0.28, 1.5
"""The share of neighbouring pixels that may differ before a picture counts as noise and is bent less: there the same
dial costs far more SSIMULACRA2 (a dithered film at 0.6: 45 points at dial 80, where drawings lose 12)."""
BENT_BITS = 3.9
"""Bits a change of colour below which runs are longer than the picture explains: lossy LZW has been here before."""


def full_lossiness(quality: int) -> int:
    """gifsicle's dial for an ordinary picture: 120 at quality 80."""
    return 6 * (100 - quality)


def is_flat(gif: Gif) -> bool:
    """Whether it has so few colours that bending them saves nothing."""
    return max(image.colours or gif.screen.colours for image in gif.images) <= FLAT_COLOURS


def heaviest_of(gif: Gif) -> Image:
    """The frame with the most data."""
    return max(gif.images, key=lambda image: len(image.coded))


def tolerance(image: Image, change: float) -> float:
    """The share of the full dial that a frame with such `colour_changes` bears."""
    if not change or 8 * len(image.coded) / image.area < BENT_BITS * change:
        return 0
    return float(min(1.0, SMOOTH / change) ** STEEPNESS)


def colour_changes(still: bytes) -> float:
    """Run in an isolated worker: the share of pixels whose palette index is not that of the one to the left."""
    import io

    import numpy as np
    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(still), formats=["GIF"]) as image:
        indices = np.asarray(image)
    return float((indices[:, 1:] != indices[:, :-1]).mean()) if indices.shape[1] > 1 else 0.0
