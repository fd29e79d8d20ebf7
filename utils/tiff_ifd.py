"""The directories of TIFF and BigTIFF files (TIFF 6.0, BigTIFF design of libtiff).

Values stay in the file's own byte order, so a tag nobody knows moves unharmed. Reading copies nothing and is bounded
by `MAX_*`. A directory too odd to be moved is `fixed`: it can be read, the file not laid out anew.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from exceptions import UnprocessableImage

STRIP_OFFSETS, STRIP_COUNTS = 273, 279
TILE_OFFSETS, TILE_COUNTS = 324, 325
SEGMENTS = {STRIP_OFFSETS: STRIP_COUNTS, TILE_OFFSETS: TILE_COUNTS, 513: 514}
"""Tags that point at data, and the tags that say how long it is (513, 514: the stream of old-style JPEG)."""

SUB_IFDS = frozenset({330, 400, 34665, 34853, 40965})
IFD_KINDS = frozenset({13, 18})
HIDDEN_OFFSETS = frozenset({519, 520, 521, 33628, 33629, 34310, 34412, 37500, 65024, 65420})
"""Their values point into the file in ways of their own: JPEG tables, MetaMorph, Leaf, LSM, MakerNote, Kodak, NDPI."""

TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
UNSIGNED = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
SHORT, LONG, LONG8 = 3, 4, 16
MAX_DIRECTORIES = 4096
MAX_ENTRIES = 1 << 16
MAX_SEGMENTS = 1 << 18
MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag's value: its TIFF type and its bytes in the file's order."""

    kind: int
    value: bytes | memoryview

    @property
    def count(self) -> int:
        """How many values of the type."""
        return len(self.value) // TYPE_SIZES[self.kind]


@dataclass(slots=True)
class Directory:
    """One page or sub-directory: its tags, the directories below it and, once read, the data it points at."""

    entries: dict[int, Entry] = field(default_factory=dict)
    children: dict[int, list["Directory"]] = field(default_factory=dict)
    segments: dict[int, list[bytes | memoryview]] = field(default_factory=dict)
    fixed: bool = False


@dataclass(slots=True)
class Tiff:
    """A file: byte order (`<` or `>`), whether it is a BigTIFF, its pages in order."""

    order: str
    big: bool
    pages: list[Directory]

    @property
    def directories(self) -> Iterator[Directory]:
        """Every directory, each before those below it."""
        return _flat(self.pages)

    @property
    def fixed(self) -> bool:
        """Whether some directory cannot be moved."""
        return any(directory.fixed or HIDDEN_OFFSETS & directory.entries.keys() for directory in self.directories)

    def numbers(self, directory: Directory, tag: int) -> tuple[int, ...]:
        """The unsigned whole numbers of a tag; empty where it is absent or of another type.

        Raises UnprocessableImage where there are more than `MAX_SEGMENTS`.
        """
        entry = directory.entries.get(tag)
        if entry is None or entry.kind not in UNSIGNED:
            return ()
        if entry.count > MAX_SEGMENTS:
            raise UnprocessableImage("a TIFF tag has too many values")
        return struct.unpack(f"{self.order}{entry.count}{UNSIGNED[entry.kind]}", entry.value)

    def number(self, directory: Directory, tag: int, default: int = 0) -> int:
        """The first whole number of a tag."""
        entry = directory.entries.get(tag)
        if entry is None or entry.kind not in UNSIGNED or not entry.count:
            return default
        return int(struct.unpack_from(self.order + UNSIGNED[entry.kind], entry.value)[0])

    def put(self, directory: Directory, tag: int, value: int) -> None:
        """Set a tag to one 16-bit or 32-bit number."""
        kind = SHORT if value < 1 << 16 else LONG
        directory.entries[tag] = Entry(kind, struct.pack(self.order + UNSIGNED[kind], value))


@dataclass(frozen=True, slots=True)
class Layout:
    """The struct formats of one kind of file: classic or big, in one byte order."""

    order: str
    big: bool

    def unpack(self, code: str, data: memoryview, offset: int) -> tuple[int, ...]:
        """Numbers at an offset; raises UnprocessableImage past the end."""
        try:
            return struct.unpack_from(self.order + code, data, offset)
        except (struct.error, OverflowError):
            raise UnprocessableImage("the TIFF directory is cut short") from None

    @property
    def pointer(self) -> str:
        """struct code of an offset or a count."""
        return "Q" if self.big else "I"

    @property
    def inline(self) -> int:
        """Bytes of a value that fit in its row."""
        return 8 if self.big else 4

    @property
    def head(self) -> int:
        """Bytes of the count before the rows."""
        return 8 if self.big else 2

    @property
    def row(self) -> int:
        """Bytes of one tag."""
        return 20 if self.big else 12


def read(data: bytes) -> Tiff:
    """Every directory of a file, without the data they point at. Raises UnprocessableImage."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    view = memoryview(data)
    if order is None or len(data) < 8:
        raise UnprocessableImage("not a TIFF header")
    (version,) = struct.unpack_from(order + "H", data, 2)
    if version not in (42, 43):
        raise UnprocessableImage("not a TIFF header")
    layout = Layout(order, big=version == 43)
    (first,) = layout.unpack(layout.pointer, view, 8 if layout.big else 4)
    tiff = Tiff(order, layout.big, [])
    _Reader(view, layout, tiff).chain(first)
    if not tiff.pages:
        raise UnprocessableImage("the TIFF file has no page")
    return tiff


class _Reader:
    """Walks directories, never one twice."""

    def __init__(self, view: memoryview, layout: Layout, tiff: Tiff) -> None:
        self._view = view
        self._layout = layout
        self._tiff = tiff
        self._seen: set[int] = set()
        self._entries = 0
        self._children_named = 0

    def chain(self, offset: int) -> None:
        """The pages, each pointing at the next."""
        while offset:
            if offset in self._seen:
                self._tiff.pages[-1].fixed = True
                return
            directory, offset = self._directory(offset, 0)
            self._tiff.pages.append(directory)

    def _directory(self, offset: int, depth: int) -> tuple[Directory, int]:
        layout, directory = self._layout, Directory()
        self._seen.add(offset)
        (count,) = layout.unpack("Q" if layout.big else "H", self._view, offset)
        self._entries += count
        if self._entries > MAX_ENTRIES or len(self._seen) > MAX_DIRECTORIES:
            raise UnprocessableImage("too many TIFF tags or pages")
        for index in range(count):
            self._entry(directory, offset + layout.head + layout.row * index, depth)
        (following,) = layout.unpack(layout.pointer, self._view, offset + layout.head + layout.row * count)
        return directory, following

    def _entry(self, directory: Directory, at: int, depth: int) -> None:
        layout = self._layout
        tag, kind, count = layout.unpack("HH" + layout.pointer, self._view, at)
        size = TYPE_SIZES.get(kind, 0) * count
        start = at + layout.row - layout.inline
        if size > layout.inline:
            (start,) = layout.unpack(layout.pointer, self._view, start)
        if kind not in TYPE_SIZES or start + size > len(self._view) or tag in directory.entries:
            directory.fixed = True
            return
        directory.entries[tag] = Entry(kind, self._view[start : start + size])
        if tag in SUB_IFDS or kind in IFD_KINDS:
            self._children(directory, tag, depth)

    def _children(self, directory: Directory, tag: int, depth: int) -> None:
        self._children_named += directory.entries[tag].count
        if depth == MAX_DEPTH or self._children_named > MAX_DIRECTORIES:
            raise UnprocessableImage("TIFF directories are nested too deep")
        offsets = self._tiff.numbers(directory, tag)
        children = directory.children[tag] = []
        for offset in offsets:
            if offset in self._seen:
                directory.fixed = True
                continue
            child, following = self._directory(offset, depth + 1)
            children.append(child)
            child.fixed |= following != 0


def read_segments(data: bytes, tiff: Tiff) -> None:
    """Slice out the data that directories point at; raises UnprocessableImage where it lies outside the file."""
    view, cache, total = memoryview(data), dict[tuple[int, int], memoryview](), 0
    for directory in tiff.directories:
        for offsets_tag, counts_tag in SEGMENTS.items():
            offsets, counts = tiff.numbers(directory, offsets_tag), tiff.numbers(directory, counts_tag)
            if not offsets:
                continue
            total += len(offsets)
            if len(counts) != len(offsets) or total > MAX_SEGMENTS:
                raise UnprocessableImage("the strips of the TIFF do not add up")
            pieces = directory.segments[offsets_tag] = []
            for offset, count in zip(offsets, counts, strict=True):
                if offset + count > len(data):
                    raise UnprocessableImage("the TIFF is cut short")
                pieces.append(cache.setdefault((offset, count), view[offset : offset + count]))
    tiff.pages[0].fixed |= _overlap(cache)


def _overlap(ranges: Iterable[tuple[int, int]]) -> bool:
    end = 0
    for offset, count in sorted(ranges):
        if count and offset < end:
            return True
        end = max(end, offset + count)
    return False


def _flat(directories: Iterable[Directory]) -> Iterator[Directory]:
    for directory in directories:
        yield directory
        for children in directory.children.values():
            yield from _flat(children)
