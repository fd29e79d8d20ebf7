"""What AVIF and HEIC share: the header of a HEIF file, and cleaning it by editing its container."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from exceptions import UnprocessableImage
from optimizers import colour, pixels
from optimizers.base import Cleaned, ImageInfo
from optimizers.policy import Metadata
from utils.heif_items import Meta, read_meta
from utils.heif_metadata import WORDS
from utils.heif_strip import strip
from utils.heif_tracks import read_sequence
from utils.isobmff import Box, Reader, boxes, brands, header

GENERAL_BRANDS = {b"mif1", b"mif2", b"msf1", b"miaf"}
SEQUENCE_BRANDS = {b"avis", b"msf1", b"hevc", b"hevx", b"hevm", b"hevs"}
ALPHA = {b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"}
DERIVED = {b"grid", b"iovl", b"iden"}
PICTURES = {b"hvc1", b"av01", b"avc1", b"vvc1", b"jpeg", b"j2k1", b"unci", b"mski", *DERIVED}


def inspect(data: bytes, *, pages: bool = False) -> ImageInfo:
    """Size as displayed (orientation is always 1); with `pages`, a still's frames are all the pictures in the file.

    Raises UnprocessableImage where the file is broken or cut short.
    """
    top = _complete(data)
    moov = next((box for box in top if box.kind == b"moov"), None)
    if moov and SEQUENCE_BRANDS.intersection(brands(data)[:1]) and (found := read_sequence(data, moov)):
        return ImageInfo(
            found.width,
            found.height,
            found.frames,
            found.durations,
            found.loop,
            found.alpha,
            _bit_depth(data, found.properties),
        )
    meta = primary_meta(data)
    return _still(data, meta, _pages(meta) if pages else 1)


def clean(data: bytes, metadata: Metadata) -> Cleaned:
    """Every metadata item that has to go taken out; no coded byte changes."""
    if metadata is Metadata.ALL:
        return Cleaned(data)
    done = strip(data, keep_copyright=metadata is Metadata.SAFE)
    return Cleaned(done.data, done.removed, done.kept)


def primary_meta(data: bytes) -> Meta:
    """The items of a file that shows one of them. Raises UnprocessableImage where there is none to show."""
    box = next((box for box in boxes(data, 0, len(data)) if box.kind == b"meta"), None)
    meta = read_meta(data, box) if box else None
    if meta is None or meta.primary not in meta.items:
        raise UnprocessableImage("the file names no picture to show")
    return meta


def decode(data: bytes, decoder: str, orientation: int, animated: bool) -> dict[str, Any]:
    """Pixels for a conversion, in sRGB where only code points say what their colours are."""
    seen = pixels.decode(data, decoder, orientation, animated)
    primaries, transfer = colour_codes(data)
    if not seen["icc"] and not colour.is_srgb(primaries, transfer):
        seen["frames"] = [colour.to_srgb(frame, primaries, transfer) for frame in seen["frames"]]
    return seen


def colour_codes(data: bytes) -> tuple[int, int]:
    """Primaries and transfer of the picture that is shown (ITU-T H.273); 2, not specified, where it does not say."""
    with suppress(UnprocessableImage):
        for box in _properties(data):
            if box.kind == b"colr" and data[box.body : box.body + 4] == b"nclx":
                reader = Reader(data, box.body + 4, box.end)
                return reader.uint(2), reader.uint(2)
    return 2, 2


def _properties(data: bytes) -> list[Box]:
    meta = primary_meta(data)
    return meta.properties_of(meta.primary or 0)


def _complete(data: bytes) -> list[Box]:
    top = boxes(data, 0, len(data))
    rest = header(data, top[-1].end if top else 0, len(data))
    if not top or (rest and rest.kind in (b"meta", b"moov", b"mdat")):
        raise UnprocessableImage("the file is cut short")
    return top


def _still(data: bytes, meta: Meta, frames: int) -> ImageInfo:
    shown = meta.primary or 0
    properties = meta.properties_of(shown)
    tiles = meta.targets(shown, b"dimg") if meta.items[shown].kind in DERIVED else []
    for number in {shown, *tiles}:
        meta.content_length(data, number)
    width, height = _size(data, properties)
    described = [*properties, *(meta.properties_of(tiles[0]) if tiles else [])]
    return ImageInfo(
        width,
        height,
        frames=frames,
        metadata=_notes_size(data, meta),
        alpha=any(is_alpha(data, meta.properties_of(number)) for number in meta.sources(shown, b"auxl")[:16]),
        bit_depth=_bit_depth(data, described),
    )


def _notes_size(data: bytes, meta: Meta) -> int:
    """Bytes of metadata items and colour profiles."""
    notes = [number for number, item in meta.items.items() if item.kind in WORDS]
    profiles = (box.end - box.body for box in meta.properties if box.kind == b"colr")
    parts = (part for number in notes for part in meta.extents(number))
    return sum(max(0, min(end, len(data)) - start) for start, end in parts) + sum(profiles)


def _size(data: bytes, properties: Sequence[Box]) -> tuple[int, int]:
    """Width and height after the crops and turns, in the order in which they apply."""
    size = (0, 0)
    for box in properties:
        reader = Reader(data, box.body, box.end)
        if box.kind == b"ispe":
            reader.uint(4)
            size = (reader.uint(4), reader.uint(4))
        elif box.kind == b"irot" and reader.uint(1) & 1:
            size = size[::-1]
        elif box.kind == b"clap":
            across, over_across, down, over_down = (reader.uint(4) for _ in range(4))
            size = (across // max(1, over_across), down // max(1, over_down))
    if 0 in size:
        raise UnprocessableImage("the picture has no size")
    return size


def _pages(meta: Meta) -> int:
    """How many pictures a reader pages through: not the hidden ones, thumbnails and auxiliary pictures."""
    beside = {ref.source for ref in meta.references if ref.kind in (b"thmb", b"auxl")}
    shown = (number for number, item in meta.items.items() if item.kind in PICTURES and not item.hidden)
    return max(1, sum(number not in beside for number in shown))


def is_alpha(data: bytes, properties: Sequence[Box]) -> bool:
    """Whether an item with these properties is a picture's alpha channel."""
    return any(box.kind == b"auxC" and Reader(data, box.body + 4, box.end).text() in ALPHA for box in properties)


def _bit_depth(data: bytes, properties: Sequence[Box]) -> int:
    """The deepest channel, by the pixel information or else the decoder's configuration (AV1-ISOBMFF, 14496-15)."""
    depths = [8]
    for box in properties:
        reader = Reader(data, box.body, box.end)
        if box.kind == b"pixi":
            reader.uint(4)
            depths += reader.take(reader.uint(1))
        elif box.kind == b"av1C":
            flags = reader.uint(4) >> 8 & 0xFF
            depths.append(8 + (flags >> 6 & 1) * (2 + 2 * (flags >> 5 & 1)))
        elif box.kind == b"hvcC":
            depths.append(8 + (reader.take(18)[17] & 7))
    return max(depths)
