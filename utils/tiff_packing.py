"""The samples of a TIFF page in fewer bytes: deflate with the best predictor, or CCITT Group 4 for black and white.

Runs in an isolated worker. Predictors: TIFF 6.0 section 14 (2) and Adobe's TIFF Technical Note 3 (3, floating point).
"""

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from utils.tiff_ifd import STRIP_OFFSETS, TILE_OFFSETS, Directory, Tiff, read, read_segments
from utils.tiff_samples import (
    DEFLATE,
    FLOATING_POINT_PREDICTOR,
    GROUP4,
    UNPACKED,
    Grid,
    by_libtiff,
    grid,
    native,
    predictors,
    stored_bytes,
    unpack,
)


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
    for predictor in predictors(layout.bits, layout.sample_format)[1:]:
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
    return packed if list(by_libtiff(packed, fax)) == list(raws) else None


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


def _predict(raw: bytes, layout: Grid, rows: int, order: str, predictor: int) -> bytes:
    import numpy as np

    if predictor == 1:
        return raw
    if predictor == FLOATING_POINT_PREDICTOR:
        values = np.frombuffer(raw, "u1").reshape(rows, -1, layout.bits // 8)
        planes = (values if order == ">" else values[:, :, ::-1]).transpose(0, 2, 1)
        samples = planes.reshape(rows, -1, layout.samples)
    else:
        samples = native(raw, layout, rows, order)
    deltas = np.diff(samples, axis=1, prepend=np.zeros_like(samples[:, :1]))
    return stored_bytes(deltas, order)
