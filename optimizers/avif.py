"""AVIF: cleaned; re-encoded only where the request itself names a quality and nothing but precision is lost."""

import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from exceptions import UnprocessableImage
from optimizers import heif, heif_outlook
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.policy import Effort, Metadata, Policy
from optimizers.samples import still
from optimizers.toolbox import Toolbox
from utils.heif_items import Meta
from utils.heif_metadata import XMP_TYPE
from utils.heif_strip import shrink_item
from utils.isobmff import Box, Reader, boxes, brands
from utils.isobmff_edit import NotEditable

BRANDS = {b"avif", b"avis"}
CARRIED_BOXES = {b"ftyp", b"meta", b"mdat"}
CARRIED_ITEMS = {b"av01", b"grid", b"Exif", b"mime"}
CARRIED_REFERENCES = {b"dimg", b"auxl", b"cdsc", b"prem"}
CARRIED_PROPERTIES = {b"ispe", b"pixi", b"av1C", b"colr", b"irot", b"imir", b"auxC", b"a1lx", b"free"}
HDR_TRANSFERS = {16, 18}
"""PQ and HLG (ITU-T H.273): eight bits a channel would show in them."""
SPEED = {Effort.FAST: 8, Effort.BALANCED: 6, Effort.BEST: 5}
"""Under 5 a megapixel takes more than 3 s and comes out no smaller."""
WORTH = 0.9
"""A second generation has to save a tenth: an encode of our own output saves at most 4 %."""


class Avif(Optimizer):
    """AV1 pictures in a HEIF file."""

    spec = FormatSpec(name="avif", mime="image/avif", extensions=("avif", "avifs"), decoder="AVIF")
    outlook = staticmethod(heif_outlook.recoded)
    fits = heif_outlook.FITS

    @staticmethod
    def sample() -> bytes:
        return still("AVIF")

    def sniff(self, head: bytes) -> bool:
        """By its brands: the major one, or a general one with AVIF's among the compatible ones."""
        found = brands(head)
        return bool(found) and (found[0] in BRANDS or (found[0] in heif.GENERAL_BRANDS and bool(BRANDS & set(found))))

    def inspect(self, data: bytes) -> ImageInfo:
        """See heif.inspect."""
        return heif.inspect(data)

    async def sketch(self, data: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Mapping[str, float] | None:
        """None: the header tells all, and decoding takes long."""
        return None

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned:
        """See heif.clean."""
        return heif.clean(data, metadata)

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """One encode, for a still of eight bits that has no more to it than the encoder can write."""
        if not policy.named or policy.lossless or info.frames > 1 or info.bit_depth > 8:
            return
        carried = read_carried(cleaned)
        if carried is None:
            return
        dial = encoder_quality(policy.quality)
        encoded = await tools.call(
            encode, cleaned, dial, SPEED[policy.effort], carried.subsampling, len(carried.exif), carried.xmp
        )
        data = graft(encoded, carried) if encoded else None
        if data and len(data) < WORTH * len(cleaned):
            yield Candidate(data, "aom", lossless=False, dial=dial, quality=policy.quality)


def encoder_quality(quality: int) -> int:
    """The encoder's 0-100 for Pare's 1-100: 72 for 80, where SSIMULACRA2 is 80 to 84; 100 for 100."""
    return round(quality * 0.9 if quality <= 80 else 72 + (quality - 80) * 1.4)


@dataclass(frozen=True, slots=True)
class Carried:
    """What an encode takes over from the file it replaces, beside its pixels, turn and ICC profile."""

    subsampling: str
    nclx: bytes
    """Colour primaries and transfer, as in `colr`; empty where only an ICC profile tells."""
    exif: bytes
    xmp: bytes


def read_carried(data: bytes) -> Carried | None:
    """None where the file has something that an encode would lose (a gain map, HDR, a crop, a second picture)."""
    meta = heif.primary_meta(data)
    if not _plain(data, meta):
        return None
    shown = meta.primary or 0
    tile = next(iter(meta.targets(shown, b"dimg")), shown)
    profiles = _profiles(data, meta)
    nclx = data[profiles[b"nclx"].body + 4 : profiles[b"nclx"].body + 8] if b"nclx" in profiles else b""
    config = next((box for box in meta.properties_of(tile) if box.kind == b"av1C"), None)
    if config is None or not profiles or (nclx and struct.unpack(">HH", nclx)[1] in HDR_TRANSFERS):
        return None
    exif, xmp = (_content(data, meta, kind) for kind in (b"Exif", b"mime"))
    return Carried(_subsampling(Reader(data, config.body, config.end).take(3)[2]), nclx, exif, xmp)


def encode(data: bytes, quality: int, speed: int, subsampling: str, exif_size: int, xmp: bytes) -> bytes:
    """Decode and encode again (in an isolated worker), with room for an EXIF item of a size."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["AVIF"]) as image:
        image.load()
        room = Image.Exif()
        if exif_size:
            room[0x010E] = "x" * exif_size
        room[0x0112] = image.getexif().get(0x0112, 1) if "exif" in image.info else 1
        out = io.BytesIO()
        image.save(
            out,
            "AVIF",
            quality=quality,
            speed=speed,
            subsampling=subsampling,
            exif=room,
            xmp=xmp,
            max_threads=1,
            autotiling=False,
        )
    return out.getvalue()


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
