"""Boxes of ISO base media files (ISO/IEC 14496-12): found and read, bounded whatever the bytes say."""

from collections.abc import Iterator
from dataclasses import dataclass

from exceptions import UnprocessableImage

MAX_BOXES = 20_000
MAX_TABLE = 1 << 18
"""Bytes of one table of entries: more than any picture needs, little enough to read at once."""

CONTAINERS = {
    b"meta": 4,
    b"iprp": 0,
    b"ipco": 0,
    b"iref": 4,
    b"moov": 0,
    b"trak": 0,
    b"mdia": 0,
    b"minf": 0,
    b"stbl": 0,
    b"edts": 0,
}
"""Boxes of boxes, and how many bytes of their own come first."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where one box lies: its header from `start`, its content from `body` to `end`."""

    kind: bytes
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class Field:
    """A number in the file, so that it can be written anew; `size` in bytes, 0 for one that is not stored."""

    value: int
    at: int
    size: int


class Reader:
    """Big-endian numbers and strings, one after the other, up to an end; raises UnprocessableImage past it."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data = data
        self._end = min(end, len(data))
        self.at = start

    def field(self, size: int) -> Field:
        """A number with its place."""
        at = self.at
        return Field(int.from_bytes(self.take(size)), at, size)

    def uint(self, size: int) -> int:
        """A number of `size` bytes."""
        return int.from_bytes(self.take(size))

    def take(self, size: int) -> bytes:
        """So many bytes."""
        if size > self._end - self.at:
            raise UnprocessableImage("a box is shorter than its content")
        self.at += size
        return self._data[self.at - size : self.at]

    def text(self) -> bytes:
        """A string up to its zero byte, or to the end."""
        stop = self._data.find(b"\0", self.at, self._end)
        found = self._data[self.at : self._end if stop < 0 else stop]
        self.at = self._end if stop < 0 else stop + 1
        return found

    @property
    def left(self) -> int:
        """Bytes up to the end."""
        return self._end - self.at


def header(data: bytes, at: int, end: int) -> Box | None:
    """The box that starts here; its end may lie past `end` where the file is cut short. None where none starts."""
    kind = data[at + 4 : min(at + 8, end)]
    if len(kind) < 4 or not all(0x20 <= byte < 0x7F or byte == 0xA9 for byte in kind):
        return None
    size, body = int.from_bytes(data[at : at + 4]), at + 8
    if size == 1:
        size, body = int.from_bytes(data[at + 8 : at + 16]), at + 16
    elif size == 0:
        size = end - at
    return Box(kind, at, body, at + size) if at + size >= body else None


def boxes(data: bytes, start: int, end: int) -> list[Box]:
    """The boxes in a row, up to the first bytes that are none. Raises UnprocessableImage where there are too many."""
    found: list[Box] = []
    while start < end and (box := header(data, start, end)) and box.end <= end:
        if len(found) == MAX_BOXES:
            raise UnprocessableImage("the file has too many boxes")
        found.append(box)
        start = box.end
    return found


def children(data: bytes, box: Box) -> list[Box]:
    """The boxes inside a box of boxes."""
    return boxes(data, box.body + CONTAINERS[box.kind], box.end)


def filled(data: bytes, box: Box) -> bool:
    """Whether a box of boxes holds nothing else; true of all other boxes."""
    if box.kind not in CONTAINERS:
        return True
    inner = children(data, box)
    return (inner[-1].end if inner else box.body + CONTAINERS[box.kind]) == box.end


def first(data: bytes, box: Box | None, *path: bytes) -> Box | None:
    """The box at the end of a path of kinds, the first of each; None where there is none."""
    for kind in path:
        if box is None:
            return None
        box = next((inner for inner in children(data, box) if inner.kind == kind), None)
    return box


def nested(data: bytes, outer: list[Box]) -> Iterator[Box]:
    """Every box in these and in the boxes of boxes inside them, outermost first."""
    seen = 0
    queue = list(outer)
    while queue:
        box = queue.pop()
        seen += 1
        if seen > MAX_BOXES:
            raise UnprocessableImage("the file has too many boxes")
        yield box
        if box.kind in CONTAINERS:
            queue += children(data, box)


def table(data: bytes, box: Box, skip: int = 0) -> Reader:
    """A reader over a box of entries. Raises UnprocessableImage where it is too large to be one."""
    if box.end - box.body > MAX_TABLE:
        raise UnprocessableImage(f"the {box.kind.decode('latin-1')} box is too large")
    return Reader(data, box.body + skip, box.end)


def brands(head: bytes) -> list[bytes]:
    """The brands of the file type box, the major one first; empty where the file does not start with one."""
    box = header(head, 0, len(head))
    if box is None or box.kind != b"ftyp":
        return []
    content = head[box.body : min(box.end, len(head))]
    return [brand for at in (0, *range(8, len(content), 4)) if len(brand := content[at : at + 4]) == 4]
