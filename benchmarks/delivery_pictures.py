"""What the delivery benchmark serves and how it looks at what comes back."""

import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from benchmarks.files import samples
from benchmarks.reference import score

GRAIN = 2.5
"""Standard deviation of a camera's noise, in 8-bit steps."""
CAMERA = {"quality": 92, "subsampling": 2}
GROUND = (255, 255, 255, 255)


def originals(folder: Path, into: Path, megapixels: float, every: int) -> Iterator[Path]:
    """Each `every`th JPEG of a folder, written as a camera of so many megapixels would: larger, with grain."""
    for index, sample in enumerate(list(samples(folder, ("jpeg",)))[::every]):
        with Image.open(io.BytesIO(sample.data)) as image:
            if image.mode not in ("RGB", "L"):
                continue
            shown = ImageOps.exif_transpose(image).convert("RGB")
        factor = math.sqrt(megapixels * 1e6 / (shown.width * shown.height))
        large = shown.resize((round(shown.width * factor), round(shown.height * factor)), Image.Resampling.BICUBIC)
        grain = np.random.default_rng(index).normal(0, GRAIN, (large.height, large.width, 1))
        path = into / f"{index}.jpg"
        Image.fromarray(np.uint8(np.clip(np.asarray(large) + grain, 0, 255))).save(path, "JPEG", **CAMERA)
        yield path


class Reference:
    """One original at the sizes that it is asked for, made from all its pixels."""

    def __init__(self, path: Path) -> None:
        with Image.open(path) as image:
            self._whole = image.convert("RGB")
        self._sizes: dict[tuple[int, int], Image.Image] = {}

    def score(self, data: bytes) -> float:
        """SSIMULACRA2 of an answer against the original at the answer's own size, by the reference program."""
        with Image.open(io.BytesIO(data)) as image:
            shown = image.convert("RGBA")
        if shown.size not in self._sizes:
            self._sizes[shown.size] = self._whole.resize(shown.size, Image.Resampling.LANCZOS).convert("RGBA")
        return score(self._sizes[shown.size], shown)
