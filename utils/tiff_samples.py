"""The samples of a TIFF page, exactly, at any bit depth: unpack its strips and tiles, pack them smaller.

Runs in an isolated worker. What is not understood to the last bit has no `Grid` and stays as it is stored.
Predictors: TIFF 6.0 section 14 (2) and Adobe's TIFF Technical Note 3 (3, floating point).
"""

import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from utils.tiff_ifd import STRIP_OFFSETS, TILE_OFFSETS, Directory, Tiff, read, read_segments
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
        and predictor in _predictors(bits[0], kinds[0])
    )
    shape = _shape(tiff, page, samples if planar == 2 else 1) if plain else None
    if shape is None:
        return None
    columns, rows = shape
    interleaved, planes = (1, samples) if planar == 2 else (samples, 1)
    tiled = TILE_OFFSETS in page.segments
    return Grid(compression, predictor, bits[0], kinds[0], columns, interleaved, planes, rows, tiled)


def _predictors(bits: int, sample_format: int) -> tuple[int, ...]:
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


def unpack(tiff: Tiff, page: Directory, layout: Grid) -> Iterator[bytes]:
    """The samples of each piece in the file's byte order; ValueError where they are damaged."""
    pieces = page.segments[TILE_OFFSETS if layout.tiled else STRIP_OFFSETS]
    if layout.compression in (NONE, DEFLATE, OLD_DEFLATE):
        packed: Iterator[bytes] = (_unpacked(p, layout, r) for p, r in zip(pieces, layout.rows, strict=True))
    else:
        packed = _by_libtiff(pieces, layout)
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


def _by_libtiff(pieces: Sequence[bytes | memoryview], layout: Grid) -> Iterator[bytes]:
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


def _native(raw: bytes, layout: Grid, rows: int, order: str) -> "np.ndarray[Any, np.dtype[Any]]":
    import numpy as np

    stored = np.frombuffer(raw, f"{order}u{layout.bits // 8}").reshape(rows, layout.columns, layout.samples)
    return stored.astype(stored.dtype.newbyteorder("="))


def _stored(samples: "np.ndarray[Any, np.dtype[Any]]", order: str) -> bytes:
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
    deltas = _native(raw, layout, rows, order)
    summed = np.cumsum(deltas, axis=1, dtype=deltas.dtype)
    return _stored(summed, order)


def _predict(raw: bytes, layout: Grid, rows: int, order: str, predictor: int) -> bytes:
    import numpy as np

    if predictor == 1:
        return raw
    if predictor == FLOATING_POINT_PREDICTOR:
        values = np.frombuffer(raw, "u1").reshape(rows, -1, layout.bits // 8)
        planes = (values if order == ">" else values[:, :, ::-1]).transpose(0, 2, 1)
        samples = planes.reshape(rows, -1, layout.samples)
    else:
        samples = _native(raw, layout, rows, order)
    deltas = np.diff(samples, axis=1, prepend=np.zeros_like(samples[:, :1]))
    return _stored(deltas, order)


@dataclass(frozen=True, slots=True)
class _Recipe:
    """One way to deflate samples."""

    predictor: int
    strategy: int

    def pack(self, raw: bytes, layout: Grid, rows: int, order: str, level: int) -> bytes:
        deflater = zlib.compressobj(level, zlib.DEFLATED, 15, 9, self.strategy)
        return deflater.compress(_predict(raw, layout, rows, order, self.predictor)) + deflater.flush()


STRIP_BYTES = 1 << 19
"""Samples in one strip: a reader can still take a large picture in parts."""
TRIAL_BYTES = 1 << 17


def repack(tiff: Tiff, page: Directory, level: int) -> bool:
    """Store a page in fewer bytes where that can be done exactly; whether it was."""
    layout = grid(tiff, page)
    if layout is None or layout.compression not in UNPACKED:
        return False
    tag = TILE_OFFSETS if layout.tiled else STRIP_OFFSETS
    before = sum(len(piece) for piece in {id(piece): piece for piece in page.segments[tag]}.values())
    try:
        raws = list(unpack(tiff, page, layout))
    except ValueError:
        return False
    if not layout.tiled:
        raws = _longer_strips(raws, layout)
    recipe = _best_recipe(raws[len(raws) // 2], layout, tiff.order)
    size = layout.row_bytes
    packed = [recipe.pack(raw, layout, len(raw) // size, tiff.order, level) for raw in raws]
    fax = _group4(raws, layout) if layout.bilevel and not layout.tiled else None
    best = fax if fax and sum(map(len, fax)) < sum(map(len, packed)) else packed
    if sum(map(len, best)) >= before:
        return False
    page.segments[tag] = [*best]
    tiff.put(page, 259, GROUP4 if best is fax else DEFLATE)
    page.entries.pop(317, None)
    if best is packed and recipe.predictor != 1:
        tiff.put(page, 317, recipe.predictor)
    if not layout.tiled:
        tiff.put(page, 278, len(raws[0]) // size)
    return True


def _longer_strips(raws: list[bytes], layout: Grid) -> list[bytes]:
    """Short strips joined within each plane: deflate learns more from more."""
    tall, size = layout.rows[0], layout.row_bytes
    together = max(1, STRIP_BYTES // max(1, tall * size))
    each = len(raws) // layout.planes
    return [
        b"".join(raws[plane * each + at : plane * each + min(at + together, each)])
        for plane in range(layout.planes)
        for at in range(0, each, together)
    ]


def _best_recipe(raw: bytes, layout: Grid, order: str) -> _Recipe:
    size = layout.row_bytes
    rows = min(len(raw) // size, max(1, TRIAL_BYTES // size))
    start = (len(raw) // size - rows) // 2 * size
    trial = raw[start : start + rows * size]
    recipes = [_Recipe(1, zlib.Z_DEFAULT_STRATEGY)]
    for predictor in _predictors(layout.bits, layout.sample_format)[1:]:
        if layout.bits < 64 or predictor == FLOATING_POINT_PREDICTOR:
            recipes += [_Recipe(predictor, zlib.Z_FILTERED), _Recipe(predictor, zlib.Z_DEFAULT_STRATEGY)]
    return min(recipes, key=lambda recipe: len(recipe.pack(trial, layout, rows, order, 6)))


def _group4(raws: Sequence[bytes], layout: Grid) -> list[bytes] | None:
    """The strips as CCITT Group 4; None unless they unpack to the very same bytes, padding bits included."""
    rows = tuple(len(raw) // layout.row_bytes for raw in raws)
    packed = [
        strip
        for raw, tall in zip(raws, rows, strict=True)
        for strip in _encode("1", raw, layout.columns, tall, compression="group4", strip_size=1 << 30)
    ]
    fax = Grid(GROUP4, 1, 1, layout.sample_format, layout.columns, 1, layout.planes, rows, False)
    return packed if list(_by_libtiff(packed, fax)) == list(raws) else None


def packbits(raw: bytes, row_bytes: int) -> list[bytes]:
    """Each row packed by itself."""
    return _encode("L", raw, row_bytes, len(raw) // row_bytes, compression="packbits", strip_size=1)


def _encode(mode: str, raw: bytes, width: int, height: int, **options: Any) -> list[bytes]:
    """The strips libtiff makes of an image."""
    from PIL import Image

    out = io.BytesIO()
    Image.frombytes(mode, (width, height), raw).save(out, "TIFF", **options)
    data = out.getvalue()
    tiff = read(data)
    read_segments(data, tiff)
    return [bytes(strip) for strip in tiff.pages[0].segments[STRIP_OFFSETS]]
