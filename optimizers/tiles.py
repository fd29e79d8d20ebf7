"""Which part of a large picture stands for it: tiles from flat, middling and busy places alike, and smaller copies."""

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Box = tuple[int, int, int, int]

SIDE = 128
COARSE = 8
"""Detail is judged on a copy this many times smaller."""


def sample(image: Image.Image, budget: int) -> tuple[list[Box], int]:
    """Boxes (left, top, right, bottom) of one size, and the first scale that is small enough to be looked at whole.

    That is a quarter of the pixels for each scale; together they have about `budget`. No boxes: the whole fits in it.
    """
    width, height = image.size
    if width * height <= budget:
        return [], 0
    coarse = next(scale for scale in range(1, 32) if width * height >> 2 * scale <= budget // 2)
    return _boxes(image, budget - (width * height >> 2 * coarse)), coarse


def _boxes(image: Image.Image, budget: int) -> list[Box]:
    width, height = image.size
    wide, high = min(SIDE, width), min(SIDE, height)
    spots = [(left, top) for top in _starts(height, high) for left in _starts(width, wide)]
    detail = _detail(image)
    spots.sort(key=lambda spot: _mean(detail, spot, wide, high))
    count = min(len(spots), max(1, budget // (wide * high)))
    chosen = [spots[(2 * index + 1) * len(spots) // (2 * count)] for index in range(count)]
    return [(left, top, left + wide, top + high) for left, top in chosen]


def _starts(length: int, side: int) -> list[int]:
    """Where tiles begin that cover the length, the last one moved in; multiples of 16 where there is a choice."""
    return [*range(0, length - side, side), (length - side) & ~15]


def _detail(image: Image.Image) -> npt.NDArray[np.float32]:
    grey = image.convert("L").reduce(COARSE) if image.mode != "L" else image.reduce(COARSE)
    return np.abs(cv2.Laplacian(np.asarray(grey, dtype=np.float32), cv2.CV_32F))


def _mean(detail: npt.NDArray[np.float32], spot: tuple[int, int], wide: int, high: int) -> float:
    left, top = spot[0] // COARSE, spot[1] // COARSE
    return float(detail[top : top + high // COARSE + 1, left : left + wide // COARSE + 1].mean())
