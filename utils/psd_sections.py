"""The sections of a Photoshop document and its image resource blocks (Adobe Photoshop File Formats Specification)."""

import struct
from dataclasses import dataclass

from exceptions import UnprocessableImage
from utils import metadata as words
from utils.iptc import lean_iptc
from utils.metadata import lean_exif, parse_exif

HEADER = struct.Struct(">4sH6xHIIHH")
SIGNATURES = (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR")
IPTC, EXIF, EXIF_MORE, XMP = 1028, 1058, 1059, 1060
PERSONAL = {
    1033: words.THUMBNAIL,
    1036: words.THUMBNAIL,
    EXIF_MORE: words.EXIF,
    XMP: words.XMP,
    1061: words.IPTC,
}
"""Resources that go whole; 1061 is the digest of the IPTC block."""
COPYRIGHT_FLAG, URL = 1034, 1035
MAX_BLOCKS = 10_000


@dataclass(frozen=True, slots=True)
class Psd:
    """A document cut at its sections; each part as stored, lengths left out."""

    channels: int
    height: int
    width: int
    depth: int
    mode: int
    colours: bytes
    resources: bytes
    layers: bytes
    coding: int
    """Of the composite: 0 raw, 1 PackBits, 2 and 3 ZIP."""
    composite: bytes

    def write(self) -> bytes:
        """The file again."""
        header = HEADER.pack(b"8BPS", 1, self.channels, self.height, self.width, self.depth, self.mode)
        sections = [_with_length(part) for part in (self.colours, self.resources, self.layers)]
        return b"".join([header, *sections, struct.pack(">H", self.coding), self.composite])


def read(data: bytes) -> Psd:
    """Cut a document at its sections. Raises UnprocessableImage, also for a PSB (version 2)."""
    if len(data) < HEADER.size or data[:4] != b"8BPS":
        raise UnprocessableImage("not a Photoshop header")
    _, version, channels, height, width, depth, mode = HEADER.unpack_from(data)
    if version == 2:
        raise UnprocessableImage("large Photoshop documents (PSB) are not supported")
    if version != 1 or not 1 <= channels <= 56 or depth not in (1, 8, 16, 32) or not width or not height:
        raise UnprocessableImage("not a Photoshop header")
    at, sections = HEADER.size, []
    for _ in range(3):
        length = int.from_bytes(data[at : at + 4], "big")
        sections.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    if at + 2 >= len(data):
        raise UnprocessableImage("the Photoshop document is cut short")
    colours, resources, layers = sections
    coding = int.from_bytes(data[at : at + 2], "big")
    return Psd(channels, height, width, depth, mode, colours, resources, layers, coding, data[at + 2 :])


def lean_resources(blocks: bytes, *, keep_copyright: bool) -> tuple[bytes, list[str]]:
    """Image resources without the personal ones, and the words for what went; ValueError where one is damaged."""
    kept: list[bytes] = []
    found: list[str] = []
    for name, kind, block, value in _blocks(blocks):
        lean, words_gone = _lean(kind, value, keep_copyright)
        found += words_gone
        if lean == value:
            kept.append(block)
        elif lean:
            kept.append(block[: 6 + len(name)] + _with_length(lean) + b"\0" * (len(lean) % 2))
    return (b"".join(kept), found) if found else (blocks, [])


def _lean(kind: int, value: bytes, keep_copyright: bool) -> tuple[bytes, list[str]]:
    if kind in PERSONAL:
        return b"", [PERSONAL[kind]]
    if kind in (COPYRIGHT_FLAG, URL) and not keep_copyright:
        return b"", [words.COPYRIGHT]
    if kind == EXIF:
        exif = parse_exif(value)
        lean = lean_exif(exif, keep_copyright=keep_copyright)
        return lean, list(exif.words) if lean != value else []
    if kind == IPTC:
        lean = lean_iptc(value, keep_copyright=keep_copyright)
        return lean, [words.IPTC] if lean != value else []
    return value, []


def _blocks(data: bytes) -> list[tuple[bytes, int, bytes, bytes]]:
    """Each resource: its padded name, its number, all of it, its value; ValueError where one is damaged."""
    at, blocks = 0, list[tuple[bytes, int, bytes, bytes]]()
    while at < len(data):
        name = data[at + 6 : at + 7 + data[at + 6] + (1 - data[at + 6] % 2)] if at + 6 < len(data) else b""
        start = at + 10 + len(name)
        size = int.from_bytes(data[start - 4 : start], "big")
        end = start + size + size % 2
        if data[at : at + 4] not in SIGNATURES or start > len(data) or end > len(data) + 1 or len(blocks) > MAX_BLOCKS:
            raise ValueError("an image resource is damaged")
        kind = int.from_bytes(data[at + 4 : at + 6], "big")
        blocks.append((name, kind, data[at:end], data[start : start + size]))
        at = end
    return blocks


def _with_length(part: bytes) -> bytes:
    return struct.pack(">I", len(part)) + part
