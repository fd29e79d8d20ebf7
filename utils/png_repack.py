"""The same PNG samples in fewer bytes, by oxipng on one thread; everything here runs in an isolated worker."""

import itertools
import os
from collections.abc import Sequence
from typing import Any

from exceptions import UnprocessableImage
from utils.png_chunks import Chunk, join, split

SAME_SAMPLES = dict.fromkeys(
    ("bit_depth_reduction", "color_type_reduction", "grayscale_reduction", "palette_reduction"), False
)
"""What oxipng may do to a frame: it shares its header with all others."""


def repack(data: bytes, packing: dict[str, int], freedom: dict[str, Any]) -> bytes:
    """A still packed anew: `packing` is level and one of `libdeflater` or `zopfli`, `freedom` oxipng's own options."""
    os.environ["RAYON_NUM_THREADS"] = "1"
    import oxipng

    options = dict(freedom)
    for name in ("libdeflater", "zopfli"):
        if name in packing:
            options["deflate"] = getattr(oxipng.Deflaters, name)(packing[name])
    packed: bytes = oxipng.optimize_from_memory(
        data, level=packing["level"], interlace=oxipng.Interlacing.Off, **options
    )
    return packed


def repack_frames(data: bytes, packing: dict[str, int]) -> bytes:
    """Every frame of an animation packed anew in the same kind of samples."""
    chunks, _ = split(data)
    ihdr, size, sequence = chunks[0].data, chunks[0].data[:8], itertools.count()
    out = [Chunk(b"IHDR", ihdr[:12] + b"\0")]
    for kind, group in itertools.groupby(chunks[1:], key=lambda chunk: chunk.type):
        run = list(group)
        if kind == b"IDAT":
            out.append(Chunk(b"IDAT", _repacked_frame(chunks, ihdr[:8], b"".join(c.data for c in run), packing)))
        elif kind == b"fdAT":
            pixels = _repacked_frame(chunks, size, b"".join(c.data[4:] for c in run), packing)
            out.append(Chunk(b"fdAT", next(sequence).to_bytes(4, "big") + pixels))
        elif kind == b"fcTL":
            size = run[0].data[4:12]
            out.append(Chunk(b"fcTL", next(sequence).to_bytes(4, "big") + run[0].data[4:]))
        else:
            out += run
    return join(out)


def _repacked_frame(chunks: Sequence[Chunk], size: bytes, pixels: bytes, packing: dict[str, int]) -> bytes:
    """One frame's compressed samples, by way of a PNG of its own."""
    ihdr = size + chunks[0].data[8:]
    palette = [chunk for chunk in chunks if chunk.type == b"PLTE"]
    alone = join([Chunk(b"IHDR", ihdr), *palette, Chunk(b"IDAT", pixels), Chunk(b"IEND", b"")])
    packed, _ = split(repack(alone, packing, SAME_SAMPLES))
    if packed[0].data != ihdr[:12] + b"\0":
        raise UnprocessableImage("the frame was packed into another kind of samples")
    return b"".join(chunk.data for chunk in packed if chunk.type == b"IDAT")
