"""The marker segments of a JPEG file (ITU-T T.81, annex B): read without decoding, written back in order."""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NamedTuple

from exceptions import UnprocessableImage

SOI, EOI, SOS, DHT, DQT, COM = 0xD8, 0xD9, 0xDA, 0xC4, 0xDB, 0xFE
APP0, APP1, APP2, APP13, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xEF
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}

JFIF, EXIF, ICC, ADOBE, PHOTOSHOP = b"JFIF\0", b"Exif\0\0", b"ICC_PROFILE\0", b"Adobe", b"Photoshop 3.0\0"
XMP, XMP_EXTENSION = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"

START, END = b"\xff\xd8", b"\xff\xd9"
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
"""Any marker but TEM and the restarts, which, like stuffed zeros, say nothing outside the entropy-coded data."""
MAX_SEGMENTS = 10_000
STEP = 1 << 20
MAX_TABLES = 64
"""Quantization tables read of one file; a picture has up to four, defined anew for each frame at the most."""
_IPTC_RESOURCE = b"8BIM\x04\x04"
_IPTC_COPYRIGHT = b"\x1c\x02\x74"


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker, what its length covers and, after a start of scan, the entropy-coded data up to the next marker."""

    marker: int
    payload: bytes = b""
    scan: bytes = b""
    offset: int = field(default=0, compare=False)
    """Where the payload began in the file it was read from."""

    @property
    def is_metadata(self) -> bool:
        """Whether it is an APPn or a comment: nothing that the samples are made from."""
        return APP0 <= self.marker <= APP15 or self.marker == COM

    @property
    def end(self) -> int:
        """Where the payload ended in the file it was read from."""
        return self.offset + len(self.payload)

    def holds(self, marker: int, *signatures: bytes) -> bool:
        """Whether it is this marker with one of these signatures."""
        return self.marker == marker and self.payload.startswith(signatures)

    def __len__(self) -> int:
        return 4 + len(self.payload) + len(self.scan)

    def __bytes__(self) -> bytes:
        return b"".join((b"\xff", bytes([self.marker]), (len(self.payload) + 2).to_bytes(2), self.payload, self.scan))


class JpegStream(NamedTuple):
    """One image: its segments between SOI and EOI, where it ended in the file, and whether an EOI was there."""

    segments: tuple[Segment, ...]
    end: int
    closed: bool


class Component(NamedTuple):
    """One colour component of a frame: its sampling factors and the number of its quantization table."""

    identifier: int
    h: int
    v: int
    table: int


class Frame(NamedTuple):
    """A frame header (T.81 B.2.2); `process` is its marker, `precision` in bits a sample."""

    process: int
    precision: int
    width: int
    height: int
    components: tuple[Component, ...]


def read_header(data: bytes, start: int = 0) -> Iterator[Segment]:
    """Segments up to the first start of scan, its data left out; UnprocessableImage where broken or cut short."""
    if data[start : start + 2] != START:
        raise UnprocessableImage("a JPEG starts with FF D8")
    at = start + 2
    for _ in range(MAX_SEGMENTS):
        segment = _segment_at(data, at)
        if segment is None or segment.marker == EOI:
            break
        yield segment
        if segment.marker == SOS:
            return
        at = segment.end
    raise UnprocessableImage("the JPEG header is broken or cut short")


def read_stream(data: bytes, start: int = 0) -> JpegStream:
    """One whole image; past the first scan nothing is an error: what cannot be read stays with the last segment."""
    segments = list(read_header(data, start))
    while len(segments) < MAX_SEGMENTS:
        if segments[-1].marker == SOS:
            at = _next_marker(data, segments[-1].end)
            segments[-1] = replace(segments[-1], scan=data[segments[-1].end : at])
        else:
            at = segments[-1].end
        segment = _segment_at(data, at)
        if segment is None:
            segments[-1] = replace(segments[-1], scan=segments[-1].scan + data[at:])
            return JpegStream(tuple(segments), len(data), closed=False)
        if segment.marker == EOI:
            return JpegStream(tuple(segments), segment.offset, closed=True)
        segments.append(segment)
    raise UnprocessableImage("the JPEG has too many segments")


def write(segments: Iterable[Segment]) -> bytes:
    """The file that these segments make."""
    return b"".join((START, *map(bytes, segments), END))


def frame_of(segments: Iterable[Segment]) -> Frame:
    """The first frame header; UnprocessableImage where there is none that makes sense."""
    for segment in segments:
        if segment.marker in FRAME_MARKERS:
            return _frame(segment)
    raise UnprocessableImage("the JPEG has no frame header")


def quantization_tables(segments: Iterable[Segment]) -> dict[int, tuple[int, ...]]:
    """The 64 steps of each table by its number, in zigzag order (T.81 B.2.4.1); broken ones are left out."""
    return {number: _steps(values) for number, values in islice(_tables(segments), MAX_TABLES) if values}


def _tables(segments: Iterable[Segment]) -> Iterator[tuple[int, bytes]]:
    """Number and stored values of each table; no values where it is cut short."""
    for segment in segments:
        at, payload = 0, segment.payload if segment.marker == DQT else b""
        while at < len(payload):
            size = 64 << (payload[at] >> 4 & 1)
            values = payload[at + 1 : at + 1 + size]
            yield payload[at] & 15, values if len(values) == size else b""
            at += 1 + size


def _steps(values: bytes) -> tuple[int, ...]:
    return struct.unpack(">64H" if len(values) > 64 else "64B", values)


def iptc_copyright(payload: bytes) -> bytes:
    """The copyright notice (IPTC 2:116) of an APP13 segment in Photoshop's layout; empty where there is none."""
    resource = payload.find(_IPTC_RESOURCE)
    at = payload.find(_IPTC_COPYRIGHT, resource) + len(_IPTC_COPYRIGHT)
    length = int.from_bytes(payload[at : at + 2])
    if resource < 0 or at < resource or length > len(payload) - at - 2:
        return b""
    return payload[at + 2 : at + 2 + length].split(b"\0")[0].strip()


def _segment_at(data: bytes, at: int) -> Segment | None:
    """The segment at the next marker, whatever lies before it; None where there is none or it is cut short."""
    at = _next_marker(data, at)
    if at >= len(data) - 1 or data[at + 1] == SOI:
        return None
    marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
    if marker == EOI:
        return Segment(EOI, offset=at + 2)
    if length < 2 or at + 2 + length > len(data):
        return None
    return Segment(marker, data[at + 4 : at + 2 + length], offset=at + 4)


def _next_marker(data: bytes, at: int) -> int:
    """Where the next marker is, or the end; in steps, for a search lets no other thread run."""
    while at < len(data):
        if found := _MARKER.search(data, at, at + STEP + 1):
            return found.start()
        at += STEP
    return len(data)


def _frame(segment: Segment) -> Frame:
    payload = segment.payload
    count = payload[5] if len(payload) > 5 else 0
    components = tuple(
        Component(payload[i], payload[i + 1] >> 4, payload[i + 1] & 15, payload[i + 2])
        for i in range(6, min(6 + 3 * count, len(payload) - 2), 3)
    )
    frame = Frame(segment.marker, payload[0] if payload else 0, _short(payload, 3), _short(payload, 1), components)
    if not (1 <= count <= 4 and len(components) == count and frame.width and frame.height and frame.precision):
        raise UnprocessableImage("the JPEG frame header makes no sense")
    if not all(1 <= c.h <= 4 and 1 <= c.v <= 4 for c in components):
        raise UnprocessableImage("the JPEG sampling factors make no sense")
    return frame


def _short(payload: bytes, at: int) -> int:
    return int.from_bytes(payload[at : at + 2])
