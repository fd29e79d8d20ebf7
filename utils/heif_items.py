"""The items of a `meta` box (ISO/IEC 14496-12 8.11, HEIF is 23008-12): what they are, where each number stands."""

from dataclasses import dataclass, field

from exceptions import UnprocessableImage
from utils.isobmff import Box, Field, Reader, boxes, children, table

FILE, IDAT = 0, 1
"""Construction methods: offsets count from the start of the file, or of the `idat` box's content."""

MAX_ASSOCIATIONS = 1 << 16
"""Bytes of all tables that give items their properties: enough for some 9,000 tiles."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of `iinf`."""

    kind: bytes
    content_type: bytes
    hidden: bool
    box: Box


@dataclass(frozen=True, slots=True)
class Location:
    """One entry of `iloc`, from `start` to `end`; extents are pairs of offset and length as written."""

    start: int
    end: int
    method: int
    elsewhere: bool
    """Whether the bytes are in another file."""
    base: Field
    extents: tuple[tuple[Field, Field], ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry of `iref`: `source` refers to `targets`."""

    kind: bytes
    source: int
    targets: tuple[int, ...]
    box: Box


@dataclass(frozen=True, slots=True)
class Association:
    """One entry of `ipma`, from `start` to `end`; indexes count from 1 and still hold the `essential` bit."""

    item: int
    start: int
    end: int
    indexes: tuple[Field, ...]
    count: Field
    """How many entries the whole table has."""

    def properties(self) -> list[int]:
        """The indexes alone."""
        return [index.value & ((1 << (8 * index.size - 1)) - 1) for index in self.indexes]


@dataclass(slots=True)
class Meta:
    """A `meta` box, read."""

    box: Box
    children: list[Box]
    primary: int | None = None
    items: dict[int, Item] = field(default_factory=dict)
    item_count: Field | None = None
    locations: dict[int, Location] = field(default_factory=dict)
    location_count: Field | None = None
    references: list[Reference] = field(default_factory=list)
    properties: list[Box] = field(default_factory=list)
    associations: list[Association] = field(default_factory=list)
    grouped: set[int] = field(default_factory=set)
    idat: Box | None = None

    def properties_of(self, item: int) -> list[Box]:
        """An item's properties, in the order in which they apply."""
        indexes = [index for entry in self.associations if entry.item == item for index in entry.properties()]
        return [self.properties[index - 1] for index in indexes if 0 < index <= len(self.properties)]

    def targets(self, item: int, kind: bytes) -> list[int]:
        """What an item refers to in one way."""
        return [to for ref in self.references if ref.source == item and ref.kind == kind for to in ref.targets]

    def sources(self, item: int, kind: bytes) -> list[int]:
        """What refers to an item in one way."""
        return [ref.source for ref in self.references if ref.kind == kind and item in ref.targets]

    def extents(self, item: int) -> list[tuple[int, int]]:
        """Start and end in the file of each part of an item; empty where its bytes are not in this file."""
        found = self.locations.get(item)
        if found is None or found.elsewhere or found.method not in (FILE, IDAT) or (found.method and not self.idat):
            return []
        origin = found.base.value + (self.idat.body if found.method and self.idat else 0)
        return [(origin + at.value, origin + at.value + length.value) for at, length in found.extents]

    def content_length(self, data: bytes, item: int) -> int:
        """How many bytes an item has. Raises UnprocessableImage where the file does not hold them."""
        parts = self.extents(item)
        length = sum(end - start for start, end in parts)
        if not parts or length > len(data) or any(end > len(data) for _, end in parts):
            raise UnprocessableImage("an item lies outside the file")
        return length

    def content(self, data: bytes, item: int) -> bytes:
        """An item's bytes. Raises UnprocessableImage where the file does not hold them."""
        self.content_length(data, item)
        return b"".join(data[start:end] for start, end in self.extents(item))


def read_meta(data: bytes, box: Box) -> Meta:
    """Read a `meta` box. Raises UnprocessableImage where a table is broken or there twice."""
    meta = Meta(box, children(data, box))
    kinds = [child.kind for child in meta.children]
    if any(kinds.count(kind) > 1 for kind in (*_TABLES, b"idat")):
        raise UnprocessableImage("the meta box has a table twice")
    for child in meta.children:
        if child.kind in _TABLES:
            _TABLES[child.kind](data, child, meta)
        elif child.kind == b"idat":
            meta.idat = child
    return meta


def _primary(data: bytes, box: Box, meta: Meta) -> None:
    reader = table(data, box)
    meta.primary = reader.uint(4 if reader.uint(4) >> 24 else 2)


def _items(data: bytes, box: Box, meta: Meta) -> None:
    reader = Reader(data, box.body, box.end)
    meta.item_count = reader.field(4 if reader.uint(4) >> 24 else 2)
    for entry in boxes(data, reader.at, box.end):
        if entry.kind == b"infe":
            number, item = _item(data, entry)
            if number in meta.items:
                raise UnprocessableImage("two items have one number")
            meta.items[number] = item


def _item(data: bytes, box: Box) -> tuple[int, Item]:
    reader = Reader(data, box.body, box.end)
    version, flags = reader.uint(1), reader.uint(3)
    number = reader.uint(4 if version >= 3 else 2)
    reader.uint(2)
    kind = reader.take(4) if version >= 2 else b"mime"
    reader.text()
    content_type = reader.text() if kind == b"mime" else b""
    return number, Item(kind, content_type, bool(flags & 1), box)


def _locations(data: bytes, box: Box, meta: Meta) -> None:
    reader = table(data, box)
    version = reader.uint(4) >> 24
    sizes, more = reader.uint(1), reader.uint(1)
    offset, length, base, index = sizes >> 4, sizes & 15, more >> 4, more & 15 if version else 0
    if {offset, length, base, index} - {0, 4, 8}:
        raise UnprocessableImage("item locations have an unknown size")
    meta.location_count = reader.field(4 if version >= 2 else 2)
    for _ in range(meta.location_count.value):
        start = reader.at
        number = reader.uint(4 if version >= 2 else 2)
        method = reader.uint(2) & 15 if version else FILE
        elsewhere = reader.uint(2) != 0
        origin, count = reader.field(base), reader.uint(2)
        if count * (index + offset + length) > reader.left or (count > 1 and not offset + length):
            raise UnprocessableImage("item locations are cut short")
        extents = []
        for _ in range(count):
            reader.uint(index)
            extents.append((reader.field(offset), reader.field(length)))
        if number in meta.locations:
            raise UnprocessableImage("an item has two locations")
        meta.locations[number] = Location(start, reader.at, method, elsewhere, origin, tuple(extents))


def _references(data: bytes, box: Box, meta: Meta) -> None:
    size = 4 if table(data, box).uint(4) >> 24 else 2
    for entry in children(data, box):
        reader = Reader(data, entry.body, entry.end)
        source, count = reader.uint(size), reader.uint(2)
        if count * size > reader.left:
            raise UnprocessableImage("item references are cut short")
        meta.references.append(Reference(entry.kind, source, tuple(reader.uint(size) for _ in range(count)), entry))


def _properties(data: bytes, box: Box, meta: Meta) -> None:
    inner = children(data, box)
    if sum(child.end - child.body for child in inner if child.kind == b"ipma") > MAX_ASSOCIATIONS:
        raise UnprocessableImage("the file has too many tables of properties")
    for child in inner:
        if child.kind == b"ipco":
            meta.properties += children(data, child)
        elif child.kind == b"ipma":
            _associations(data, child, meta)


def _associations(data: bytes, box: Box, meta: Meta) -> None:
    reader = table(data, box)
    version, flags = reader.uint(1), reader.uint(3)
    total = reader.field(4)
    for _ in range(total.value):
        start = reader.at
        number, count = reader.uint(4 if version else 2), reader.uint(1)
        indexes = tuple(reader.field(2 if flags & 1 else 1) for _ in range(count))
        meta.associations.append(Association(number, start, reader.at, indexes, total))


def _groups(data: bytes, box: Box, meta: Meta) -> None:
    for group in boxes(data, box.body, box.end):
        reader = table(data, group, skip=8)
        count = reader.uint(4)
        if 4 * count > reader.left:
            raise UnprocessableImage("an entity group is cut short")
        meta.grouped.update(reader.uint(4) for _ in range(count))


_TABLES = {
    b"pitm": _primary,
    b"iinf": _items,
    b"iloc": _locations,
    b"iref": _references,
    b"iprp": _properties,
    b"grpl": _groups,
}
