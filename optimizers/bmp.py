"""BMP: the same pixels with a palette, run lengths or without an idle fourth byte."""

import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optimizers import bmp_outlook
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.policy import Metadata, Policy
from optimizers.samples import still
from optimizers.toolbox import Toolbox
from utils.bmp_sections import CORE, HEADERS, INFO, RAW, RLE4, RLE8, V4, read, run_length
from utils.bmp_sections import Bmp as Bitmap
from utils.metadata import OTHER

if TYPE_CHECKING:
    import numpy as np

    Indices = np.ndarray[Any, np.dtype[np.uint8]]

MAX_RUNS = 1_000_000
"""A picture of more runs is no case for run lengths."""


def repack_bmp(data: bytes) -> list[tuple[str, bytes]]:
    """Every other way to store the same pixels, with the name of each."""
    import numpy as np
    from PIL import Image

    bitmap, weights = read(data), np.array([1, 1 << 8, 1 << 16], "u4")
    with Image.open(_file(data), formats=["BMP"]) as image:
        if "A" in image.getbands() and image.getchannel("A").getextrema() != (255, 255):
            return []
        picture = image.convert("RGB")
    colours = picture.getcolors(256)
    pixels = np.asarray(picture)[::-1, :, ::-1]
    if colours is None:
        return [("24 bit", _write(bitmap, 24, _padded(pixels.reshape(len(pixels), -1))))] if bitmap.bits == 32 else []
    red_green_blue = np.array([colour for _, colour in colours], "u4")
    palette = np.sort(red_green_blue[:, ::-1] @ weights)
    indices = np.empty(pixels.shape[:2], "u1")
    for found, row in zip(indices, pixels, strict=True):
        found[:] = np.searchsorted(palette, row.astype("u4") @ weights)
    return _paletted(bitmap, indices, palette.astype("<u4").tobytes())


def _file(data: bytes) -> Any:
    import io

    return io.BytesIO(data)


def _paletted(bitmap: Bitmap, indices: "Indices", palette: bytes) -> list[tuple[str, bytes]]:
    used = len(palette) // 4
    bits = 1 if used <= 2 else 4 if used <= 16 else 8
    ways = [(f"{bits} bit palette", _write(bitmap, bits, _padded(_narrow(indices, bits)), palette))]
    rows = _runs(indices)
    if rows is not None:
        ways.append(("rle8", _write(bitmap, 8, run_length(rows, 8), palette, RLE8)))
        if bits <= 4:
            ways.append(("rle4", _write(bitmap, 4, run_length(rows, 4), palette, RLE4)))
    return ways


def _narrow(indices: "Indices", bits: int) -> "Indices":
    """Several pixels in one byte, the first in the highest bits."""
    import numpy as np

    if bits == 8:
        return indices
    if bits == 1:
        return np.packbits(indices, axis=1)
    even = np.pad(indices, ((0, 0), (0, indices.shape[1] % 2)))
    return np.left_shift(even[:, ::2], 4) | even[:, 1::2]


def _padded(rows: "Indices") -> bytes:
    import numpy as np

    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).tobytes()


def _runs(indices: "Indices") -> list[list[tuple[int, int]]] | None:
    """The runs of equal pixels in each row; None where there are too many."""
    import numpy as np

    starts = np.ones(indices.shape, bool)
    starts[:, 1:] = indices[:, 1:] != indices[:, :-1]
    if starts.sum() > MAX_RUNS:
        return None
    rows = []
    for row, start in zip(indices, starts, strict=True):
        at = np.flatnonzero(start)
        lengths = np.diff(at, append=len(row))
        rows.append(list(zip(row[at].tolist(), lengths.tolist(), strict=True)))
    return rows


def _write(bitmap: Bitmap, bits: int, pixels: bytes, palette: bytes = b"", compression: int = RAW) -> bytes:
    """A bottom-up file with the source's resolution and colour space."""
    old = bitmap.header
    resolution = bytes(8) if len(old) == CORE else old[24:32]
    size = len(old) if len(old) >= V4 else INFO
    front = struct.pack("<IiiHHII", size, bitmap.width, abs(bitmap.height), 1, bits, compression, len(pixels))
    colours = struct.pack("<II", len(palette) // 4, 0)
    rest = bytes(16) + old[56:] if size >= V4 else b""
    header = front + resolution + colours + rest
    return replace(
        bitmap,
        header=header,
        height=abs(bitmap.height),
        bits=bits,
        compression=compression,
        masks=b"",
        palette=palette,
        pixels=pixels,
    ).write()


class Bmp(Optimizer):
    """Windows and OS/2 bitmaps."""

    spec = FormatSpec("bmp", "image/bmp", ("bmp", "dib"), decoder="BMP")
    on_pages = False
    outlook = staticmethod(bmp_outlook.outlook)
    fits = bmp_outlook.FITS

    @staticmethod
    def sample() -> bytes:
        return still("BMP")

    def sniff(self, head: bytes) -> bool:
        """The signature and a header size that exists."""
        return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in HEADERS

    def inspect(self, data: bytes) -> ImageInfo:
        """Size and alpha mask."""
        bitmap = read(data)
        return ImageInfo(bitmap.width, abs(bitmap.height), alpha=bitmap.alpha, metadata=len(bitmap.profile))

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned | None:
        """Without the bytes that belong to no part: BMP has no metadata, only places to hide some."""
        lean = read(data).write()
        if metadata is Metadata.ALL or len(lean) >= len(data):
            return Cleaned(data)
        return Cleaned(lean, (OTHER,))

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """Up to 256 colours as a palette, run lengths; 32 bits without alpha as 24."""
        for method, data in await tools.call(repack_bmp, cleaned) or ():
            yield Candidate(data, method, lossless=True)
