"""What a file says beside its pixels: the words receipts use, and EXIF reduced to what the picture needs."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

EXIF = "exif"
GPS = "gps"
SERIAL = "serial_number"
MAKER_NOTES = "maker_notes"
THUMBNAIL = "thumbnail"
XMP = "xmp"
IPTC = "iptc"
COMMENT = "comment"
TEXT = "text"
TIME = "time"
COPYRIGHT = "copyright"
OTHER = "other"

ORIENTATION_TAG, COPYRIGHT_TAG = 0x0112, 0x8298
EXIF_IFD_TAG, GPS_IFD_TAG = 0x8769, 0x8825
MAKER_NOTE_TAG = 0x927C
SERIAL_TAGS = {0xA431, 0xA435, 0xC62F, 0xA430}
MAX_ENTRIES = 1000
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}


@dataclass(frozen=True, slots=True)
class Exif:
    """What an EXIF block holds that Pare cares about."""

    orientation: int = 1
    copyright: bytes = b""
    words: tuple[str, ...] = (EXIF,)
    """What would be lost with it, in receipt words."""


def parse_exif(tiff: bytes) -> Exif:
    """Read an EXIF block from its TIFF header on (CIPA DC-008); broken parts are passed over, never an error."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return Exif()
    (first,) = struct.unpack_from(order + "I", tiff, 4)
    main = directory(tiff, order, first)
    sub = directory(tiff, order, whole_number(main.get(EXIF_IFD_TAG), order))
    words = [EXIF]
    if GPS_IFD_TAG in main:
        words.append(GPS)
    if SERIAL_TAGS & (main.keys() | sub.keys()):
        words.append(SERIAL)
    if MAKER_NOTE_TAG in sub:
        words.append(MAKER_NOTES)
    if _next_ifd(tiff, order, first):
        words.append(THUMBNAIL)
    orientation = whole_number(main.get(ORIENTATION_TAG), order)
    text = bytes(main.get(COPYRIGHT_TAG, b"")).rstrip(b"\0 ")
    return Exif(orientation if 1 <= orientation <= 8 else 1, text, tuple(words))


def lean_exif(exif: Exif, *, keep_copyright: bool) -> bytes:
    """The smallest EXIF block that keeps the picture upright and its owner named; empty when neither needs saying."""
    text = exif.copyright + b"\0" if keep_copyright and exif.copyright else b""
    entries = []
    if exif.orientation != 1:
        entries.append(struct.pack(">HHIHxx", ORIENTATION_TAG, 3, 1, exif.orientation))
    if text:
        after = 8 + 2 + 12 * (len(entries) + 1) + 4
        value = text.ljust(4, b"\0") if len(text) <= 4 else struct.pack(">I", after)
        entries.append(struct.pack(">HHI", COPYRIGHT_TAG, 2, len(text)) + value)
    if not entries:
        return b""
    body = b"".join(entries)
    tail = text if len(text) > 4 else b""
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + body + b"\0\0\0\0" + tail


def directory(tiff: bytes, order: str, offset: int) -> dict[int, memoryview]:
    """Every tag of the directory at an offset with its value, as it lies there."""
    return dict(_entries(tiff, order, offset))


def _entries(tiff: bytes, order: str, offset: int) -> Iterator[tuple[int, memoryview]]:
    """Each tag of one directory with its value, not copied: a thousand tags may each claim the whole block."""
    if not 8 <= offset <= len(tiff) - 2:
        return
    (count,) = struct.unpack_from(order + "H", tiff, offset)
    for index in range(min(count, MAX_ENTRIES)):
        at = offset + 2 + 12 * index
        if at + 12 > len(tiff):
            return
        tag, kind, number = struct.unpack_from(order + "HHI", tiff, at)
        size = TYPE_SIZES.get(kind, 1) * number
        start = at + 8 if size <= 4 else struct.unpack_from(order + "I", tiff, at + 8)[0]
        if start + size <= len(tiff):
            yield tag, memoryview(tiff)[start : start + size]


def _next_ifd(tiff: bytes, order: str, offset: int) -> int:
    if not 8 <= offset <= len(tiff) - 2:
        return 0
    (count,) = struct.unpack_from(order + "H", tiff, offset)
    at = offset + 2 + 12 * count
    return int(struct.unpack_from(order + "I", tiff, at)[0]) if at + 4 <= len(tiff) else 0


def whole_number(value: memoryview | None, order: str) -> int:
    """A value of one whole number; 0 where it is none."""
    sizes = {2: "H", 4: "I"}
    if value is None or len(value) not in sizes:
        return 0
    return int(struct.unpack(order + sizes[len(value)], value)[0])
