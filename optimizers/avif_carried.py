"""What an AVIF holds beside its pixels, and putting that into a new encode of them."""

import struct
from dataclasses import dataclass

from exceptions import UnprocessableImage
from optimizers import heif
from utils.av1 import base_quantizer
from utils.heif_items import Meta
from utils.heif_metadata import XMP_TYPE
from utils.heif_strip import shrink_item
from utils.isobmff import Box, Reader, boxes
from utils.isobmff_edit import NotEditable

CARRIED_BOXES = {b"ftyp", b"meta", b"mdat"}
CARRIED_ITEMS = {b"av01", b"grid", b"Exif", b"mime"}
CARRIED_REFERENCES = {b"dimg", b"auxl", b"cdsc", b"prem"}
CARRIED_PROPERTIES = {b"ispe", b"pixi", b"av1C", b"colr", b"irot", b"imir", b"auxC", b"a1lx", b"free"}
HDR_TRANSFERS = {16, 18}
"""PQ and HLG (ITU-T H.273): eight bits a channel would show in them."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What an encode takes over from the file it replaces, beside its pixels, turn and ICC profile."""

    subsampling: str
    nclx: bytes
    """Colour primaries and transfer, as in `colr`; empty where only an ICC profile tells."""
    exif: bytes
    xmp: bytes
    quantizer: int | None
    """How coarsely it was written, 0 to 255; None where that cannot be told."""


def read_carried(data: bytes) -> Carried | None:
    """None where the file has something that an encode would lose (a gain map, HDR, a crop, a second picture)."""
    meta = heif.primary_meta(data)
    if not _plain(data, meta):
        return None
    tile = _first_tile(meta)
    profiles = _profiles(data, meta)
    nclx = data[profiles[b"nclx"].body + 4 : profiles[b"nclx"].body + 8] if b"nclx" in profiles else b""
    config = next((box for box in meta.properties_of(tile) if box.kind == b"av1C"), None)
    if config is None or not profiles or (nclx and struct.unpack(">HH", nclx)[1] in HDR_TRANSFERS):
        return None
    exif, xmp = (_content(data, meta, kind) for kind in (b"Exif", b"mime"))
    subsampling = _subsampling(Reader(data, config.body, config.end).take(3)[2])
    return Carried(subsampling, nclx, exif, xmp, quantizer_of(data))


def quantizer_of(data: bytes) -> int | None:
    """How coarsely the still was written, 0 to 255; None where that cannot be told."""
    try:
        meta = heif.primary_meta(data)
        return base_quantizer(meta.content(data, _first_tile(meta)))
    except UnprocessableImage:
        return None


def graft(encoded: bytes, carried: Carried) -> bytes | None:
    """The encoder's file with the colour meaning and the EXIF bytes of the old one; None where they find no place."""
    try:
        meta = heif.primary_meta(encoded)
        if carried.nclx:
            at = _profiles(encoded, meta)[b"nclx"].body + 4
            encoded = encoded[:at] + carried.nclx + encoded[at + len(carried.nclx) :]
        if carried.exif:
            number = next(number for number, item in meta.items.items() if item.kind == b"Exif")
            encoded = shrink_item(encoded, number, carried.exif)
    except (KeyError, StopIteration, NotEditable, UnprocessableImage):
        return None
    return encoded


def _first_tile(meta: Meta) -> int:
    """The picture that is shown, or the first of those that it is made of."""
    shown = meta.primary or 0
    return next(iter(meta.targets(shown, b"dimg")), shown)


def _profiles(data: bytes, meta: Meta) -> dict[bytes, Box]:
    """The colour information of the picture that is shown, by its type."""
    found = meta.properties_of(meta.primary or 0)
    return {data[box.body : box.body + 4]: box for box in found if box.kind == b"colr"}


def _plain(data: bytes, meta: Meta) -> bool:
    """Whether the file holds one picture, its alpha, and metadata that an encode carries over."""
    kinds = [item.kind for item in meta.items.values()]
    types = [item.content_type for item in meta.items.values() if item.kind == b"mime"]
    shown = {meta.primary, *meta.targets(meta.primary or 0, b"dimg")}
    masks = {ref.source for ref in meta.references if ref.kind == b"auxl" and shown.issuperset(ref.targets)}
    parts = {to for ref in meta.references if ref.kind == b"dimg" and ref.source in masks for to in ref.targets}
    pictures = {number for number, item in meta.items.items() if item.kind in (b"av01", b"grid")}
    return (
        {box.kind for box in boxes(data, 0, len(data))} <= CARRIED_BOXES
        and set(kinds) <= CARRIED_ITEMS
        and {ref.kind for ref in meta.references} <= CARRIED_REFERENCES
        and {box.kind for box in meta.properties} <= CARRIED_PROPERTIES
        and kinds.count(b"Exif") <= 1
        and types in ([], [XMP_TYPE])
        and not meta.grouped
        and pictures <= shown | masks | parts
        and len(masks) <= 1
        and all(heif.is_alpha(data, meta.properties_of(mask)) for mask in masks)
    )


def _content(data: bytes, meta: Meta, kind: bytes) -> bytes:
    number = next((number for number, item in meta.items.items() if item.kind == kind), None)
    return meta.content(data, number) if number is not None else b""


def _subsampling(flags: int) -> str:
    """From the third byte of `av1C` (AV1-ISOBMFF 2.3.3)."""
    if flags & 0x10:
        return "4:0:0"
    return {0b00: "4:4:4", 0b10: "4:2:2"}.get(flags >> 2 & 3, "4:2:0")
