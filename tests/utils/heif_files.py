"""HEIF files put together box by box, around a picture that Pillow coded: every shape the standard allows."""

from dataclasses import dataclass, field

from PIL import Image

from tests.helpers import encode
from utils.heif_items import read_meta
from utils.isobmff import boxes

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/>planted-xmp</x:xmpmeta>'
ALPHA = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"


def exif(copyright: str = "", *, orientation: int = 1) -> bytes:
    """An EXIF block with a camera, a place and, if named, an owner."""
    block = Image.Exif()
    block[0x010F] = "planted-camera"
    block[0x0112] = orientation
    if copyright:
        block[0x8298] = copyright
    block.get_ifd(0x8825)[1] = "N"
    return bytes(block.tobytes()).removeprefix(b"Exif\0\0")


def box(kind: bytes, *content: bytes, version: int | None = None, flags: int = 0, large: bool = False) -> bytes:
    """One box; a full box where a version is given; with a 64-bit size where `large`."""
    head = b"" if version is None else bytes([version]) + flags.to_bytes(3)
    body = head + b"".join(content)
    if large:
        return (1).to_bytes(4) + kind + (16 + len(body)).to_bytes(8) + body
    return (8 + len(body)).to_bytes(4) + kind + body


@dataclass
class Entry:
    """An item to be written: its bytes, its references, the numbers of its properties."""

    kind: bytes
    content: bytes
    content_type: bytes = b""
    references: dict[bytes, list[int]] = field(default_factory=dict)
    properties: list[int] = field(default_factory=list)
    in_idat: bool = False
    shares: int | None = None
    """The item whose bytes these are."""


@dataclass
class File:
    """A file to be written."""

    items: dict[int, Entry]
    properties: list[bytes]
    iloc_version: int = 0
    offset_size: int = 4
    base_size: int = 0
    parts: int = 1
    """Extents of each item."""
    wide_ids: bool = False
    large_mdat: bool = False
    open_mdat: bool = False
    """Whether the last box has no size but runs to the end."""
    before: bytes = b""
    after: bytes = b""
    in_meta: bytes = b""

    def build(self) -> bytes:
        """The bytes."""
        idat = b"".join(item.content for item in self.items.values() if item.in_idat)
        stored = b"".join(item.content for item in self.items.values() if not item.in_idat and item.shares is None)
        ftyp = box(b"ftyp", b"avif\0\0\0\0avifmif1miaf") + self.before
        header = 16 if self.large_mdat else 8
        length = len(self._meta(idat, 0))
        mdat = box(b"mdat", stored, large=self.large_mdat)
        if self.open_mdat:
            mdat = b"\0\0\0\0" + mdat[4:]
        return ftyp + self._meta(idat, len(ftyp) + length + header) + mdat + self.after

    def _meta(self, idat: bytes, origin: int) -> bytes:
        wide = 4 if self.wide_ids else 2
        infe = [
            box(
                b"infe",
                number.to_bytes(wide),
                b"\0\0",
                item.kind,
                b"\0",
                item.content_type + b"\0" if item.kind == b"mime" else b"",
                version=3 if self.wide_ids else 2,
            )
            for number, item in self.items.items()
        ]
        references = [
            box(kind, number.to_bytes(wide), len(to).to_bytes(2), *(target.to_bytes(wide) for target in to))
            for number, item in self.items.items()
            for kind, to in item.references.items()
        ]
        rows = [
            number.to_bytes(wide) + bytes([len(item.properties), *item.properties])
            for number, item in self.items.items()
            if item.properties
        ]
        return box(
            b"meta",
            box(b"hdlr", bytes(4), b"pict", bytes(13), version=0),
            box(b"pitm", min(self.items).to_bytes(wide), version=int(self.wide_ids)),
            self._iloc(origin),
            box(b"iinf", len(infe).to_bytes(wide), *infe, version=int(self.wide_ids)),
            box(b"iref", *references, version=int(self.wide_ids)) if references else b"",
            box(
                b"iprp",
                box(b"ipco", *self.properties),
                box(b"ipma", len(rows).to_bytes(4), *rows, version=int(self.wide_ids)),
            ),
            box(b"idat", idat) if idat else b"",
            self.in_meta,
            version=0,
        )

    def _iloc(self, origin: int) -> bytes:
        wide = 4 if self.iloc_version == 2 else 2
        rows, places = [], {}
        at, inside = origin, 0
        for number, item in self.items.items():
            start = places[item.shares] if item.shares else inside if item.in_idat else at
            places[number] = start
            base = start if self.base_size else 0
            size = len(item.content) // self.parts
            lengths = [size] * (self.parts - 1) + [len(item.content) - size * (self.parts - 1)]
            extents = b""
            for length in lengths:
                extents += (start - base).to_bytes(self.offset_size) + length.to_bytes(4)
                start += length
            method = int(item.in_idat).to_bytes(2) if self.iloc_version else b""
            rows.append(
                number.to_bytes(wide) + method + bytes(2) + base.to_bytes(self.base_size)
                + len(lengths).to_bytes(2) + extents
            )  # fmt: skip
            if item.in_idat:
                inside += len(item.content)
            elif item.shares is None:
                at += len(item.content)
        sizes = bytes([self.offset_size << 4 | 4, self.base_size << 4])
        return box(b"iloc", sizes, len(rows).to_bytes(wide), *rows, version=self.iloc_version)


def picture(image: Image.Image, **options: object) -> tuple[bytes, list[bytes]]:
    """A coded still and its properties, as Pillow writes them."""
    data = encode(image, "AVIF", speed=9, max_threads=1, **options)
    meta = read_meta(data, next(found for found in boxes(data, 0, len(data)) if found.kind == b"meta"))
    assert meta.primary
    properties = meta.properties_of(meta.primary)
    return meta.content(data, meta.primary), [data[found.start : found.end] for found in properties]


def described(image: Image.Image, copyright: str = "", **shape: object) -> File:
    """A still with EXIF and XMP, in a shape of choice."""
    coded, properties = picture(image)
    items = {
        1: Entry(b"av01", coded, properties=[*range(1, len(properties) + 1)]),
        2: Entry(b"Exif", bytes(4) + exif(copyright), references={b"cdsc": [1]}),
        3: Entry(b"mime", XMP, b"application/rdf+xml", references={b"cdsc": [1]}),
    }
    return File(items, properties, **shape)  # type: ignore[arg-type]
