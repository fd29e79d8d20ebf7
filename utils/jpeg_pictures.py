"""Several pictures in one JPEG file: the multi-picture index (CIPA DC-007) and gain maps (Ultra HDR, ISO 21496-1)."""

import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from exceptions import UnprocessableImage
from utils.jpeg_segments import APP1, APP2, APP13, COM, EXIF, START, XMP, JpegStream, Segment, read_stream, write

MPF = b"MPF\0"
GAIN_MAP_ISO = b"urn:iso:std:iso:ts:21496:-1\0"
MAX_PICTURES = 64
_GAIN_MAP_XMP = re.compile(rb"hdrgm:|hdrgainmap|semantic\W{1,9}gainmap", re.IGNORECASE)
_VERSION = re.compile(rb"hdrgm:Version\W{1,9}([0-9.]{1,8})")
_ENTRIES_TAG = 0xB002
_PRIMARY = 0x030000
_MASK = 0xFFFFFFFF


class Picture(NamedTuple):
    """One further picture of a file; `attribute` is the kind its index entry gives it."""

    data: bytes
    attribute: int = 0


class Entry(NamedTuple):
    """One picture in an index; `offset` counts from the index's own TIFF header."""

    attribute: int
    size: int
    offset: int
    dependents: int


class Index(NamedTuple):
    """The entries of an index, the struct layout of one, and where in the payload they lie."""

    layout: struct.Struct
    at: int
    entries: tuple[Entry, ...]


def read_index(payload: bytes) -> Index | None:
    """The picture index in an MPF segment; None where it makes no sense."""
    tiff = payload[len(MPF) :]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 10:
        return None
    (directory,) = struct.unpack_from(order + "I", tiff, 4)
    count = struct.unpack_from(order + "H", tiff, directory)[0] if directory <= len(tiff) - 2 else 0
    for at in range(directory + 2, min(directory + 2 + 12 * count, len(tiff) - 11), 12):
        tag, _, size, start = struct.unpack_from(order + "HHII", tiff, at)
        if tag == _ENTRIES_TAG and start + size <= len(tiff) and 1 <= size // 16 <= MAX_PICTURES:
            layout = struct.Struct(order + "4I")
            entries = (Entry(*layout.unpack_from(tiff, start + i)) for i in range(0, size - 15, 16))
            return Index(layout, len(MPF) + start, tuple(entries))
    return None


def new_index(pictures: Sequence[Picture]) -> Segment:
    """An index of a first picture and these directly behind it, as in a file where the first one takes no bytes."""
    entries, behind = [Entry(_PRIMARY, 0, 0, 0)], 0
    for picture in pictures:
        entries.append(Entry(picture.attribute, len(picture.data), behind, 0))
        behind += len(picture.data)
    table = b"".join(struct.pack(">4I", *entry) for entry in entries)
    directory = struct.pack(
        ">H HHI4s HHII HHII I", 3, 0xB000, 7, 4, b"0100", 0xB001, 4, 1, len(entries), _ENTRIES_TAG, 7, len(table), 50, 0
    )
    return Segment(APP2, MPF + b"MM\0*\0\0\0\x08" + directory + table, offset=-len(MPF))


def write_first(segments: Sequence[Segment], old_end: int) -> bytes:
    """The first picture's bytes, its index pointing at what follows as it did when the picture ended at `old_end`."""
    new_end = len(START) + sum(map(len, segments)) + len(START)
    at, placed = len(START), []
    for segment in segments:
        index = read_index(segment.payload) if segment.holds(APP2, MPF) else None
        if index:
            shift = new_end - old_end - (at + 4 - segment.offset)
            segment = replace(segment, payload=_moved(segment.payload, index, new_end, shift))
        placed.append(segment)
        at += len(segment)
    return write(placed)


def further_pictures(data: bytes, first: JpegStream) -> list[Picture]:
    """The whole JPEG images behind the first one: where its index says; where that leads to none, what comes next."""
    segment = next((s for s in first.segments if s.holds(APP2, MPF)), None)
    index = read_index(segment.payload) if segment else None
    found = []
    if segment and index:
        base = segment.offset + len(MPF)
        found = _pictures(
            data, first.end, sorted((base + entry.offset, entry.attribute) for entry in index.entries[1:])
        )
    return found or _pictures(data, first.end, [(data.find(START + b"\xff", first.end), 0)])


def speaks_of_gain_map(segment: Segment) -> bool:
    """Whether it declares or describes a gain map (Ultra HDR's or Apple's XMP, ISO 21496-1)."""
    if segment.holds(APP1, XMP):
        return bool(_GAIN_MAP_XMP.search(segment.payload))
    return segment.holds(APP2, GAIN_MAP_ISO)


def gain_maps(first: JpegStream, pictures: Sequence[Picture]) -> list[Picture]:
    """Those of the pictures that say that they are one; where only the first picture says so, all of them."""
    telling = [p for p in pictures if any(map(speaks_of_gain_map, read_stream(p.data).segments))]
    return telling or (list(pictures) if any(map(speaks_of_gain_map, first.segments)) else [])


def lean_gain_map(picture: Picture) -> Picture:
    """The same picture without EXIF, IPTC and comments; what says how to apply it stays as it is."""
    stream = read_stream(picture.data)
    kept = [s for s in stream.segments if not (s.holds(APP1, EXIF) or s.marker in (APP13, COM))]
    return picture if len(kept) == len(stream.segments) else picture._replace(data=write(kept))


def gain_map_xmp(xmp: bytes, size: int) -> bytes:
    """An Ultra HDR packet that says nothing but that a gain map of `size` bytes follows (format v1, GContainer)."""
    version = _VERSION.search(xmp)
    return XMP + _PACKET % (version[1] if version else b"1.0", size)


_PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    b' xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
    b' xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="%s"><Container:Directory><rdf:Seq>'
    b'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>'
    b'<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg"'
    b' Item:Length="%d"/></rdf:li></rdf:Seq></Container:Directory></rdf:Description></rdf:RDF></x:xmpmeta>'
)


def _moved(payload: bytes, index: Index, first_size: int, shift: int) -> bytes:
    first, *others = index.entries
    entries = [first._replace(size=first_size), *(e._replace(offset=(e.offset + shift) & _MASK) for e in others)]
    table = b"".join(index.layout.pack(*entry) for entry in entries)
    return payload[: index.at] + table + payload[index.at + len(table) :]


def _pictures(data: bytes, free: int, places: Sequence[tuple[int, int]]) -> list[Picture]:
    """The pictures at these places, none of them before `free` or within another."""
    pictures = []
    for start, attribute in places:
        if start >= free and (end := _end_of_picture(data, start)):
            pictures.append(Picture(data[start:end], attribute))
            free = end
    return pictures


def _end_of_picture(data: bytes, start: int) -> int:
    try:
        return read_stream(data, start).end
    except UnprocessableImage:
        return 0
