"""Give a re-encoded PNG what the original says beside its samples: colour meaning, density, texts, byte for byte."""

import struct
from collections.abc import Sequence

from utils.png_chunks import INDEXED, Chunk, first, join, parse_header, split

COLOUR = {b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"mDCV", b"cLLI", b"sBIT"}
"""Chunks that say what the samples mean; they stand before the palette."""
PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
"""Chunks that hold the samples."""
STILL_TRUE = {b"tIME", b"sTER"}
"""Known to hold for new samples, although their names call them unsafe to copy."""


def bare(chunks: Sequence[Chunk]) -> bytes:
    """A file of the samples alone: no tool sees a profile or gamma that it could apply."""
    indexed = parse_header(chunks[0].data).colour == INDEXED
    return join(c for c in chunks if c.type in PIXELS and (indexed or c.type != b"PLTE"))


def graft(encoded: bytes, original: Sequence[Chunk]) -> bytes:
    """The encoder's samples with every chunk of the original that is still true of them."""
    pixels = [chunk for chunk in split(encoded)[0] if chunk.type in PIXELS]
    start = [chunk.type for chunk in pixels].index(b"IDAT")
    middle = [chunk.type for chunk in original].index(b"IDAT")
    before = _still_true(original[:middle], pixels[0])
    after = _still_true(original[middle:], pixels[0])
    background = _background(original, pixels)
    return join([pixels[0], *before, *pixels[1:start], *background, *pixels[start:-1], *after, pixels[-1]])


def _still_true(chunks: Sequence[Chunk], header: Chunk) -> list[Chunk]:
    """Those beside the samples that hold for any samples, and sBIT where the kind of samples is the old one."""
    same_kind = chunks[0].type == b"IHDR" and chunks[0].data[8:10] == header.data[8:10]
    return [
        chunk
        for chunk in chunks
        if (chunk.type in COLOUR and (same_kind or chunk.type != b"sBIT"))
        or (chunk.type not in PIXELS and (chunk.safe_to_copy or chunk.type in STILL_TRUE))
    ]


def _background(original: Sequence[Chunk], pixels: Sequence[Chunk]) -> list[Chunk]:
    """The bKGD chunk in terms of the new samples, where they can say it exactly."""
    value = first(original, b"bKGD")
    colour = _read_background(original, value) if value else None
    written = _write_background(pixels, colour) if colour else None
    return [Chunk(b"bKGD", written)] if written else []


def _read_background(chunks: Sequence[Chunk], value: bytes) -> tuple[int, ...] | None:
    """Red, green and blue in 16 bits; None where the chunk is broken."""
    header = parse_header(chunks[0].data)
    if header.colour == INDEXED:
        entry = (first(chunks, b"PLTE") or b"")[3 * value[0] : 3 * value[0] + 3]
        return tuple(v * 257 for v in entry) or None
    if len(value) != (2 if header.grey else 6):
        return None
    scale = 65535 // ((1 << header.depth) - 1)
    samples = struct.unpack(f">{len(value) // 2}H", value)
    return tuple(v * scale for v in samples) * (3 if header.grey else 1)


def _write_background(chunks: Sequence[Chunk], colour: tuple[int, ...]) -> bytes | None:
    header = parse_header(chunks[0].data)
    if header.colour == INDEXED:
        palette = first(chunks, b"PLTE") or b""
        entries = [palette[i : i + 3] for i in range(0, len(palette), 3)]
        wanted = bytes(v >> 8 for v in colour)
        return bytes([entries.index(wanted)]) if wanted in entries else None
    scale = 65535 // ((1 << header.depth) - 1)
    if any(v % scale for v in colour) or (header.grey and len(set(colour)) > 1):
        return None
    samples = [v // scale for v in (colour[:1] if header.grey else colour)]
    return struct.pack(f">{len(samples)}H", *samples)
