"""SSIMULACRA2 of displayed pictures by the reference program (100 the same, 90 not to be told apart, 70 high)."""

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks.programs import run

GROUNDS = ((230, 230, 230, 255), (26, 26, 26, 255))
"""Transparent pictures are scored on a light and on a dark ground."""
SMALLEST_SIDE = 8
"""Below it the program refuses."""


def score(original: Image.Image, result: Image.Image, max_mpx: float | None = None) -> float:
    """The score of two RGBA pictures of one size; `max_mpx` limits it to that many megapixels of the centre."""
    original, result = _large_enough(_centre(original, max_mpx)), _large_enough(_centre(result, max_mpx))
    grounds = GROUNDS if _transparent(original) or _transparent(result) else GROUNDS[:1]
    return min(_opaque_score(_over(original, ground), _over(result, ground)) for ground in grounds)


def _opaque_score(original: Image.Image, result: Image.Image) -> float:
    if np.array_equal(np.asarray(original), np.asarray(result)):
        return 100.0
    with TemporaryDirectory() as folder:
        files = [str(Path(folder, name)) for name in ("original.ppm", "result.ppm")]
        original.save(files[0])
        result.save(files[1])
        return float(run("ssimulacra2", *files, stdin=b"") or "nan")


def _over(image: Image.Image, ground: tuple[int, int, int, int]) -> Image.Image:
    return Image.alpha_composite(Image.new("RGBA", image.size, ground), image).convert("RGB")


def _transparent(image: Image.Image) -> bool:
    low, _ = image.getchannel("A").getextrema()
    return isinstance(low, int) and low < 255


def _centre(image: Image.Image, max_mpx: float | None) -> Image.Image:
    width, height = image.size
    if max_mpx is None or width * height <= max_mpx * 1e6:
        return image
    shrink = math.sqrt(max_mpx * 1e6 / (width * height))
    left, top = round(width * (1 - shrink) / 2), round(height * (1 - shrink) / 2)
    return image.crop((left, top, width - left, height - top))


def _large_enough(image: Image.Image) -> Image.Image:
    factor = math.ceil(SMALLEST_SIDE / min(image.size))
    size = (image.width * factor, image.height * factor)
    return image if factor == 1 else image.resize(size, Image.Resampling.NEAREST)
