"""Facts of an EXIF block that a caller may keep one by one, written as a block of their own (CIPA DC-008)."""

import struct
from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from utils.metadata import COPYRIGHT_TAG, EXIF_IFD_TAG, GPS_IFD_TAG, directory, parse_exif, whole_number

TAKEN_TAG, ZONE_TAG = 0x9003, 0x9011
LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE = 1, 2, 3, 4
ASCII, LONG, RATIONAL = 2, 4, 5
MAX_TEXT = 1024


class Fact(StrEnum):
    """Whose it is, when and where it was taken."""

    COPYRIGHT = "copyright"
    CREATION = "creation"
    LOCATION = "location"


class Entry(NamedTuple):
    """One tag, its type, how many values it has, and their bytes, big-endian."""

    tag: int
    kind: int
    values: int
    data: bytes


def chosen_exif(tiff: bytes, facts: Collection[Fact]) -> bytes:
    """A block with nothing but these facts of an upright picture; empty where the given one holds none of them."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return b""
    main = directory(tiff, order, struct.unpack_from(order + "I", tiff, 4)[0])
    taken = directory(tiff, order, whole_number(main.get(EXIF_IFD_TAG), order))
    place = directory(tiff, order, whole_number(main.get(GPS_IFD_TAG), order))
    owner = parse_exif(tiff).copyright if Fact.COPYRIGHT in facts else b""
    return _block(
        [_text(COPYRIGHT_TAG, owner)] if owner else [],
        [_text(tag, bytes(taken[tag])) for tag in (TAKEN_TAG, ZONE_TAG) if tag in taken and Fact.CREATION in facts],
        _position(place, order) if Fact.LOCATION in facts else [],
    )


def _text(tag: int, value: bytes) -> Entry:
    text = value.rstrip(b"\0 ")[:MAX_TEXT] + b"\0"
    return Entry(tag, ASCII, len(text), text)


def _position(place: dict[int, memoryview], order: str) -> list[Entry]:
    """Latitude and longitude, each with its hemisphere; nothing where one of them is missing or odd."""
    entries = []
    for name, angle in ((LATITUDE_REF, LATITUDE), (LONGITUDE_REF, LONGITUDE)):
        if len(place.get(name, b"")) != 2 or len(place.get(angle, b"")) != 24:
            return []
        numbers = struct.unpack(order + "6I", place[angle])
        entries += [Entry(name, ASCII, 2, bytes(place[name])), Entry(angle, RATIONAL, 3, struct.pack(">6I", *numbers))]
    return entries


def _block(main: list[Entry], taken: list[Entry], place: list[Entry]) -> bytes:
    """The directories one behind another, the first with pointers to the others."""
    parts = [(EXIF_IFD_TAG, taken), (GPS_IFD_TAG, place)]
    inner = [(tag, entries) for tag, entries in parts if entries]
    if not main and not inner:
        return b""
    pointers = [Entry(tag, LONG, 1, bytes(4)) for tag, _ in inner]
    at = 8 + len(_directory([*main, *pointers], 8))
    pointers, behind = [], b""
    for tag, entries in inner:
        pointers.append(Entry(tag, LONG, 1, struct.pack(">I", at + len(behind))))
        behind += _directory(entries, at + len(behind))
    return b"MM\0*" + struct.pack(">I", 8) + _directory([*main, *pointers], 8) + behind


def _directory(entries: list[Entry], at: int) -> bytes:
    """One directory that begins at an offset: its entries, then the values that do not fit into them."""
    lines, values = b"", b""
    after = at + 2 + 12 * len(entries) + 4
    for tag, kind, count, data in entries:
        inline = data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(">I", after + len(values))
        lines += struct.pack(">HHI", tag, kind, count) + inline
        if len(data) > 4:
            values += data + bytes(len(data) % 2)
    return struct.pack(">H", len(entries)) + lines + bytes(4) + values
