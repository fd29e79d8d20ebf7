"""The chunks of a PNG file: take apart, check, put together (W3C PNG, third edition, sections 5 and 11)."""

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exceptions import ImageLimitExceeded, UnprocessableImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 50_000
MAX_SIDE = 0x7FFF_FFFF
GREY, RGB, INDEXED, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    INDEXED: (1, 2, 4, 8),
    GREY_ALPHA: (8, 16),
    RGB_ALPHA: (8, 16),
}
CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk; `intact` says whether the checksum in the file was right."""

    type: bytes
    data: bytes
    intact: bool = True

    @property
    def critical(self) -> bool:
        """Whether a decoder that does not know it has to give up."""
        return not self.type[0] & 0x20

    @property
    def safe_to_copy(self) -> bool:
        """Whether it stays true when the pixels change."""
        return bool(self.type[3] & 0x20)

    def pack(self) -> bytes:
        """Its bytes in a file."""
        body = self.type + self.data
        return struct.pack(">I", len(self.data)) + body + struct.pack(">I", zlib.crc32(body))


@dataclass(frozen=True, slots=True)
class Header:
    """What IHDR says."""

    width: int
    height: int
    depth: int
    """Bits a sample, or a palette index."""
    colour: int
    interlaced: bool

    @property
    def grey(self) -> bool:
        """Whether there is one channel of light."""
        return self.colour in (GREY, GREY_ALPHA)


@dataclass(frozen=True, slots=True)
class Animation:
    """What acTL and the fcTL chunks say; milliseconds a frame, how often it plays (0 is for ever)."""

    durations: tuple[int, ...]
    plays: int


def split(data: bytes) -> tuple[list[Chunk], bytes]:
    """The chunks from IHDR to IEND, and what follows IEND; raises UnprocessableImage where the file is no whole PNG."""
    if not data.startswith(SIGNATURE):
        raise UnprocessableImage("no PNG signature")
    chunks: list[Chunk] = []
    offset = len(SIGNATURE)
    while not chunks or chunks[-1].type != b"IEND":
        if len(chunks) == MAX_CHUNKS:
            raise ImageLimitExceeded(f"more than {MAX_CHUNKS:,} chunks", limit=MAX_CHUNKS, actual=MAX_CHUNKS + 1)
        chunk = _chunk_at(data, offset)
        chunks.append(chunk)
        offset += 12 + len(chunk.data)
    if chunks[0].type != b"IHDR":
        raise UnprocessableImage("the first chunk is not IHDR")
    return chunks, data[offset:]


def _chunk_at(data: bytes, offset: int) -> Chunk:
    if offset + 12 > len(data):
        raise UnprocessableImage("the PNG file is cut short")
    (length,) = struct.unpack_from(">I", data, offset)
    kind = data[offset + 4 : offset + 8]
    end = offset + 8 + length
    if end + 4 > len(data):
        raise UnprocessableImage("the PNG file is cut short")
    if not (kind.isalpha() and kind.isascii()):
        raise UnprocessableImage(f"{kind!r} is not a chunk type")
    (checksum,) = struct.unpack_from(">I", data, end)
    chunk = Chunk(kind, data[offset + 8 : end], zlib.crc32(memoryview(data)[offset + 4 : end]) == checksum)
    if chunk.critical and (kind not in CRITICAL or not chunk.intact):
        raise UnprocessableImage(f"the {kind.decode()} chunk is {'unknown' if chunk.intact else 'damaged'}")
    return chunk


def join(chunks: Iterable[Chunk]) -> bytes:
    """The file that these chunks make."""
    return SIGNATURE + b"".join(chunk.pack() for chunk in chunks)


def first(chunks: Iterable[Chunk], kind: bytes) -> bytes | None:
    """The data of the first chunk of a type."""
    return next((chunk.data for chunk in chunks if chunk.type == kind), None)


def parse_header(data: bytes) -> Header:
    """Read an IHDR chunk's data; raises UnprocessableImage where the standard does not allow what it says."""
    if len(data) != 13:
        raise UnprocessableImage("IHDR has a wrong length")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", data)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise UnprocessableImage(f"a PNG of {width} x {height} pixels cannot be")
    if depth not in DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise UnprocessableImage("IHDR holds a combination that PNG does not know")
    return Header(width, height, depth, colour, interlace == 1)


def read_header(chunks: Sequence[Chunk]) -> Header:
    """The header of a whole file; raises UnprocessableImage where it holds no picture."""
    header = parse_header(chunks[0].data)
    if not any(chunk.type == b"IDAT" for chunk in chunks):
        raise UnprocessableImage("no IDAT chunk")
    palette = first(chunks, b"PLTE")
    if header.colour == INDEXED and (not palette or len(palette) % 3 or len(palette) > 768):
        raise UnprocessableImage("no usable palette")
    return header


def announces_animation(head: bytes) -> bool:
    """Whether an acTL chunk stands before the first IDAT within the first bytes of a file; total, never raises."""
    offset = len(SIGNATURE)
    while offset + 8 <= len(head):
        length, kind = struct.unpack_from(">I4s", head, offset)
        if kind in (b"acTL", b"IDAT"):
            return bool(kind == b"acTL")
        offset += 12 + length
    return False


def read_animation(chunks: Sequence[Chunk], header: Header) -> Animation | None:
    """What a file says of its frames, None for a still; raises UnprocessableImage where its parts contradict."""
    before_pixels = [chunk.type for chunk in chunks].index(b"IDAT")
    control = first(chunks[:before_pixels], b"acTL")
    if control is None:
        return None
    if len(control) != 8 or not all(c.intact for c in chunks if c.type in (b"acTL", b"fcTL", b"fdAT")):
        raise UnprocessableImage("an animation chunk is damaged")
    count, plays = struct.unpack(">II", control)
    frames = [chunk.data for chunk in chunks if chunk.type == b"fcTL"]
    if not frames or len(frames) != count:
        raise UnprocessableImage(f"the animation says {count} frames and has {len(frames)}")
    _check_sequence(chunks)
    return Animation(tuple(_duration(frame, header) for frame in frames), plays)


def _duration(frame: bytes, header: Header) -> int:
    """Milliseconds of one fcTL; a denominator of 0 means hundredths."""
    if len(frame) != 26:
        raise UnprocessableImage("fcTL has a wrong length")
    width, height, x, y, delay, unit, dispose, blend = struct.unpack(">IIIIHHBB", frame[4:])
    if not (width and height and x + width <= header.width and y + height <= header.height):
        raise UnprocessableImage("a frame lies outside of the picture")
    if dispose > 2 or blend > 1:
        raise UnprocessableImage("fcTL holds a value that APNG does not know")
    milliseconds: float = delay * 1000 / (unit or 100)
    return round(milliseconds)


def _check_sequence(chunks: Sequence[Chunk]) -> None:
    """Every fcTL and fdAT carries the next number, and every fcTL is followed by pixels."""
    expected, waiting = 0, False
    for chunk in chunks:
        if chunk.type in (b"fcTL", b"fdAT"):
            if int.from_bytes(chunk.data[:4], "big") != expected or len(chunk.data) < 4:
                raise UnprocessableImage("the animation's parts are out of order")
            expected += 1
        if chunk.type == b"fcTL":
            if waiting:
                raise UnprocessableImage("a frame has no pixels")
            waiting = True
        elif chunk.type in (b"fdAT", b"IDAT"):
            waiting = False
    if waiting:
        raise UnprocessableImage("a frame has no pixels")
