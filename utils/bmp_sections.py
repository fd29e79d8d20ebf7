"""The parts of a BMP file (Windows bitmap storage, [MS-WMF] 2.2.2.9 and BITMAPV5HEADER; OS/2 1.x and 2.x headers)."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from exceptions import UnprocessableImage

CORE, INFO, V4, V5 = 12, 40, 108, 124
HEADERS = frozenset({CORE, INFO, 52, 56, 64, V4, V5})
"""Header sizes, each a variant of its own."""
RAW, RLE8, RLE4, BITFIELDS, ALPHA_BITFIELDS = 0, 1, 2, 3, 6
DEPTHS = {
    RAW: {1, 2, 4, 8, 16, 24, 32},
    RLE8: {8},
    RLE4: {4},
    BITFIELDS: {16, 32},
    ALPHA_BITFIELDS: {16, 32},
}
FILE_HEADER = struct.Struct("<2sI4xI")
PROFILE_KINDS = (b"KNIL", b"DEBM")
"""Colour spaces of a V5 header that carry a profile: linked, embedded."""


@dataclass(frozen=True, slots=True)
class Bmp:
    """A bitmap cut at its parts, each as stored."""

    header: bytes
    width: int
    height: int
    """Negative where the first row is the top one."""
    bits: int
    compression: int
    masks: bytes
    palette: bytes
    pixels: bytes
    profile: bytes = b""

    @property
    def alpha(self) -> bool:
        """Whether a mask is set for an alpha channel."""
        after_colours = (self.header + self.masks)[52:56]
        return self.compression in (BITFIELDS, ALPHA_BITFIELDS) and any(after_colours)

    def write(self) -> bytes:
        """The file again, its parts back to back."""
        start = FILE_HEADER.size + len(self.header) + len(self.masks) + len(self.palette)
        end = start + len(self.pixels)
        header = self.header
        if self.profile:
            header = header[:112] + struct.pack("<II", end - FILE_HEADER.size, len(self.profile)) + header[120:]
        front = FILE_HEADER.pack(b"BM", end + len(self.profile), start)
        return b"".join([front, header, self.masks, self.palette, self.pixels, self.profile])


def stride(width: int, bits: int) -> int:
    """Bytes of one stored row, padded to four."""
    return (width * bits + 31) // 32 * 4


def read(data: bytes) -> Bmp:
    """Cut a file at its parts. Raises UnprocessableImage."""
    size = int.from_bytes(data[14:18], "little")
    if data[:2] != b"BM" or size not in HEADERS or len(data) < FILE_HEADER.size + size:
        raise UnprocessableImage("not a BMP header")
    header = data[FILE_HEADER.size : FILE_HEADER.size + size]
    fields = struct.unpack_from("<HHHH" if size == CORE else "<iiHH", header, 4)
    width, height, _, bits = fields
    compression, stored, used = (0, 0, 0) if size == CORE else _more(header)
    if width < 1 or height == 0 or bits not in DEPTHS.get(compression, ()):
        raise UnprocessableImage("a BMP header of no known kind")
    at = FILE_HEADER.size + size
    masks = data[at : at + {BITFIELDS: 12, ALPHA_BITFIELDS: 16}.get(compression, 0)] if size == INFO else b""
    colours = min(used or 256, 1 << bits) if bits <= 8 else min(used, 256)
    at += len(masks)
    palette = data[at : at + colours * (3 if size == CORE else 4)]
    (start,) = struct.unpack_from("<I", data, 10)
    if start < at:
        raise UnprocessableImage("the BMP's pixels lie inside its header")
    whole = stride(width, bits) * abs(height)
    length = whole if compression in (RAW, BITFIELDS, ALPHA_BITFIELDS) else stored or len(data) - start
    pixels = data[start : start + length]
    if not pixels or len(pixels) < length:
        raise UnprocessableImage("the BMP is cut short")
    palette = palette[: start - at]
    return Bmp(header, width, height, bits, compression, masks, palette, pixels, _profile(data, header))


def _more(header: bytes) -> tuple[int, int, int]:
    """Compression, bytes of the pixels, colours used."""
    compression, stored, _, _, used = struct.unpack_from("<IIiiI", header, 16)
    return compression, stored, used


def _profile(data: bytes, header: bytes) -> bytes:
    if len(header) < V5 or header[56:60] not in PROFILE_KINDS:
        return b""
    start, size = struct.unpack_from("<II", header, 112)
    profile = data[FILE_HEADER.size + start : FILE_HEADER.size + start + size]
    if len(profile) < size:
        raise UnprocessableImage("the BMP's colour profile is cut short")
    return profile


def run_length(rows: Sequence[Sequence[tuple[int, int]]], bits: int) -> bytes:
    """RLE8 or RLE4 of rows from the bottom up, each a sequence of runs (palette index, pixels)."""
    out = bytearray()
    for row in rows:
        out += _run_length_row(row, bits) + b"\0\0"
    return bytes(out[:-2]) + b"\0\1"


def _run_length_row(runs: Sequence[tuple[int, int]], bits: int) -> bytes:
    """Long runs as such, the pixels between them in absolute mode."""
    out, between = bytearray(), bytearray()
    for index, length in runs:
        if length < (5 if bits == 8 else 8) and (between or length < 3):
            between += bytes([index]) * length
            continue
        out += _absolute(bytes(between), bits)
        between.clear()
        pair = index if bits == 8 else index * 17
        for _ in range(length // 255):
            out += bytes((255, pair))
        if length % 255:
            out += bytes((length % 255, pair))
    return bytes(out + _absolute(bytes(between), bits))


def _absolute(pixels: bytes, bits: int) -> bytes:
    """Pixels one by one; fewer than three as runs, since absolute mode starts at three."""
    out = bytearray()
    for at in range(0, len(pixels), 252):
        chunk = pixels[at : at + 252]
        packed = chunk if bits == 8 else _nibbles(chunk)
        if len(chunk) >= 3:
            out += bytes((0, len(chunk))) + packed + b"\0" * (len(packed) % 2)
        elif bits == 4:
            out += bytes((len(chunk), packed[0]))
        else:
            out += b"".join(bytes((1, pixel)) for pixel in chunk)
    return bytes(out)


def _nibbles(pixels: bytes) -> bytes:
    padded = pixels + b"\0" * (len(pixels) % 2)
    return bytes(high << 4 | low for high, low in zip(padded[::2], padded[1::2], strict=True))
