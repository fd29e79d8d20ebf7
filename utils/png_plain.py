"""Pixels as PNG for the next program to read: quickly made rather than small."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

from utils.png_chunks import GREY, GREY_ALPHA, RGB, RGB_ALPHA, Chunk, join

COLOURS = {1: GREY, 2: GREY_ALPHA, 3: RGB, 4: RGB_ALPHA}
MOST_PLAIN = 16_000_000
"""Pixels up to which 40 times less work is worth two times the bytes."""


def png_of(image: Any, pixels: int | None = None) -> bytes:
    """An 8-bit image of Pillow, uncompressed up to MOST_PLAIN pixels (in all, where it is one of many)."""
    if image.mode in ("L", "LA", "RGB", "RGBA") and (pixels or image.width * image.height) <= MOST_PLAIN:
        return plain(np.asarray(image))
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1, icc_profile=None)
    return out.getvalue()


def plain(samples: npt.NDArray[np.uint8]) -> bytes:
    """Height, width and, but for grey, channels: every row unfiltered in stored blocks (RFC 1951, 3.2.4)."""
    height, width = samples.shape[:2]
    rows = samples.reshape(height, -1)
    filtered = np.zeros((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 1:] = rows
    header = struct.pack(">IIBBBBB", width, height, 8, COLOURS[rows.shape[1] // width], 0, 0, 0)
    idat = Chunk(b"IDAT", zlib.compress(filtered.tobytes(), 0))
    return join([Chunk(b"IHDR", header), idat, Chunk(b"IEND", b"")])
