"""The samples of a TIFF page, exactly, at any bit depth, out of its strips and tiles.

Runs in an isolated worker. What is not understood to the last bit has no `Grid` and stays as it is stored.
"""

import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from utils.tiff_ifd import STRIP_OFFSETS, TILE_OFFSETS, Directory, Tiff
from utils.tiff_layout import write

if TYPE_CHECKING:
    import numpy as np

NONE, GROUP4, LZW, DEFLATE, PACKBITS, OLD_DEFLATE = 1, 4, 5, 8, 32773, 32946
UNPACKED = frozenset({NONE, LZW, DEFLATE, PACKBITS, OLD_DEFLATE})
YCBCR = 6
FLOAT, FLOATING_POINT_PREDICTOR = 3, 3
BATCH = 32 << 20
"""Bytes that libtiff unpacks in one go."""


@dataclass(frozen=True, slots=True)
class Grid:
    """How a page's samples lie: `rows` of each stored piece in order, each row `row_bytes` long."""

    compression: int
    predictor: int
    bits: int
    sample_format: int
    columns: int
    samples: int
    """Interleaved in a piece: 1 where each channel has a plane of its own."""
    planes: int
    rows: tuple[int, ...]
    tiled: bool

    @property
    def row_bytes(self) -> int:
        """Bytes of one unpacked row."""
        return (self.columns * self.samples * self.bits + 7) // 8

    @property
    def bilevel(self) -> bool:
        """One bit a pixel: black or white."""
        return self.bits == 1 and self.samples == 1


def grid(tiff: Tiff, page: Directory) -> Grid | None:
    """The page's grid; None where anything about it is out of the ordinary."""
    compression, bits = tiff.number(page, 259, NONE), tiff.numbers(page, 258) or (1,)
    samples, planar = tiff.number(page, 277, 1), tiff.number(page, 284, 1)
    kinds = tiff.numbers(page, 339) or (1,)
    predictor = tiff.number(page, 317, 1) if compression in (LZW, DEFLATE, OLD_DEFLATE) else 1
    plain = (
        len(set(bits)) == 1
        and len(set(kinds)) == 1
        and len(bits) == (samples if 258 in page.entries else 1)
        and 1 <= bits[0] <= 64
        and samples >= 1
        and planar in (1, 2)
        and tiff.number(page, 266, 1) == 1
        and (tiff.number(page, 262) != YCBCR or tiff.numbers(page, 530) == (1, 1))
        and (compression in UNPACKED or (compression == GROUP4 and bits == (1,) and samples == 1))
        and predictor in predictors(bits[0], kinds[0])
    )
    shape = _shape(tiff, page, samples if planar == 2 else 1) if plain else None
    if shape is None:
        return None
    columns, rows = shape
    interleaved, planes = (1, samples) if planar == 2 else (samples, 1)
    tiled = TILE_OFFSETS in page.segments
    return Grid(compression, predictor, bits[0], kinds[0], columns, interleaved, planes, rows, tiled)


def predictors(bits: int, sample_format: int) -> tuple[int, ...]:
    """The predictors that readers know for such samples, 1 (none) first."""
    if sample_format == FLOAT:
        return (1, FLOATING_POINT_PREDICTOR) if bits in (16, 32, 64) else (1,)
    return (1, 2) if bits in (8, 16, 32, 64) and sample_format in (1, 2) else (1,)


def _shape(tiff: Tiff, page: Directory, planes: int) -> tuple[int, tuple[int, ...]] | None:
    """Columns of a row, rows of each piece."""
    width, height = tiff.number(page, 256), tiff.number(page, 257)
    if page.segments.keys() == {TILE_OFFSETS}:
        columns, tall = tiff.number(page, 322), tiff.number(page, 323)
        pieces = page.segments[TILE_OFFSETS]
        if not columns or not tall:
            return None
        rows = [tall] * min(-(-width // columns) * -(-height // tall) * planes, len(pieces) + 1)
    elif page.segments.keys() == {STRIP_OFFSETS}:
        columns, pieces = width, page.segments[STRIP_OFFSETS]
        tall = min(tiff.number(page, 278, height), height)
        if not columns or not tall or -(-height // tall) * planes != len(pieces):
            return None
        rows = ([tall] * (height // tall) + ([height % tall] if height % tall else [])) * planes
    else:
        return None
    return (columns, tuple(rows)) if len(rows) == len(pieces) and all(map(len, pieces)) else None


def overruns(tiff: Tiff, page: Directory) -> bool:
    """Whether raw samples go on past the strips' stated length, as readers forgive: moved, they would be lost."""
    if tiff.number(page, 259, NONE) != NONE:
        return False
    layout = grid(tiff, page)
    if layout is None:
        return not all(len(piece) for pieces in page.segments.values() for piece in pieces)
    pieces = page.segments[TILE_OFFSETS if layout.tiled else STRIP_OFFSETS]
    return any(len(p) < rows * layout.row_bytes for p, rows in zip(pieces, layout.rows, strict=True))


def unpack(tiff: Tiff, page: Directory, layout: Grid) -> Iterator[bytes]:
    """The samples of each piece in the file's byte order; ValueError where they are damaged."""
    pieces = page.segments[TILE_OFFSETS if layout.tiled else STRIP_OFFSETS]
    if layout.compression in (NONE, DEFLATE, OLD_DEFLATE):
        packed: Iterator[bytes] = (_unpacked(p, layout, r) for p, r in zip(pieces, layout.rows, strict=True))
    else:
        packed = by_libtiff(pieces, layout)
    for raw, rows in zip(packed, layout.rows, strict=True):
        yield _unpredict(raw, layout, rows, tiff.order)


def _unpacked(piece: bytes | memoryview, layout: Grid, rows: int) -> bytes:
    size = rows * layout.row_bytes
    try:
        raw = bytes(piece[:size]) if layout.compression == NONE else zlib.decompressobj().decompress(piece, size)
    except zlib.error as error:
        raise ValueError("damaged deflate data") from error
    if len(raw) != size:
        raise ValueError("a strip is cut short")
    return raw


def by_libtiff(pieces: Sequence[bytes | memoryview], layout: Grid) -> Iterator[bytes]:
    """Unpack through a grey image whose pixels are the bytes of the rows, some pieces at a time."""
    start = 0
    while start < len(pieces):
        end, size = start, 0
        while end < len(pieces) and (end == start or size < BATCH) and layout.rows[start] == layout.rows[end]:
            size += layout.rows[end] * layout.row_bytes
            end += 1
        raw = memoryview(_grey(pieces[start:end], layout, layout.rows[start]))
        step = len(raw) // (end - start)
        yield from (bytes(raw[at : at + step]) for at in range(0, len(raw), step))
        start = end


def _grey(pieces: Sequence[bytes | memoryview], layout: Grid, rows: int) -> bytes:
    from PIL import Image

    bits, width = (1, layout.columns) if layout.compression == GROUP4 else (8, layout.row_bytes)
    tiff, page = Tiff("<", False, []), Directory()
    tiff.pages.append(page)
    numbers = {256: width, 257: rows * len(pieces), 258: bits, 259: layout.compression, 262: 1, 277: 1, 278: rows}
    for tag, value in numbers.items():
        tiff.put(page, tag, value)
    page.segments[STRIP_OFFSETS] = list(pieces)
    try:
        with Image.open(io.BytesIO(write(tiff)), formats=["TIFF"]) as image:
            return image.tobytes()
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError("a strip cannot be unpacked") from error


def native(raw: bytes, layout: Grid, rows: int, order: str) -> "np.ndarray[Any, np.dtype[Any]]":
    """Unpacked samples as whole numbers in this machine's byte order: rows, columns, channels."""
    import numpy as np

    stored = np.frombuffer(raw, f"{order}u{layout.bits // 8}").reshape(rows, layout.columns, layout.samples)
    return stored.astype(stored.dtype.newbyteorder("="))


def stored_bytes(samples: "np.ndarray[Any, np.dtype[Any]]", order: str) -> bytes:
    """Samples in a file's byte order."""
    return samples.astype(f"{order}u{samples.itemsize}").tobytes()


def _unpredict(raw: bytes, layout: Grid, rows: int, order: str) -> bytes:
    import numpy as np

    if layout.predictor == 1:
        return raw
    if layout.predictor == FLOATING_POINT_PREDICTOR:
        deltas = np.frombuffer(raw, "u1").reshape(rows, -1, layout.samples)
        planes = np.cumsum(deltas, axis=1, dtype="u1").reshape(rows, layout.bits // 8, -1)
        most_significant_first = planes.transpose(0, 2, 1)
        return (most_significant_first if order == ">" else most_significant_first[:, :, ::-1]).tobytes()
    deltas = native(raw, layout, rows, order)
    summed = np.cumsum(deltas, axis=1, dtype=deltas.dtype)
    return stored_bytes(summed, order)


def unpackbits(rows: Sequence[bytes], row_bytes: int) -> bytes:
    """The bytes of rows packed one by one; ValueError where they are damaged."""
    layout = Grid(PACKBITS, 1, 8, 1, row_bytes, 1, 1, (1,) * len(rows), False)
    return b"".join(by_libtiff(rows, layout))
