"""Leave byte ranges out of an ISO base media file and keep every size and offset in it true."""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

from utils.isobmff import Box, Field

Range = tuple[int, int]


class NotEditable(Exception):
    """The file is built in a way that these edits could break."""


def union(ranges: Iterable[Range]) -> list[Range]:
    """The same bytes as sorted ranges that do not touch."""
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


def without(ranges: Iterable[Range], kept: Iterable[Range]) -> list[Range]:
    """What is in `ranges` and not in `kept`."""
    holes = union(kept)
    ends = [end for _, end in holes]
    left: list[Range] = []
    for start, end in union(ranges):
        for low, high in holes[bisect_right(ends, start) :]:
            if low >= end:
                break
            left.append((start, low))
            start = high
        left.append((start, end))
    return [(start, end) for start, end in left if start < end]


class Edit:
    """Cuts and new numbers, noted with their place in the old file and applied together."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._new = bytearray(data)
        self._cuts: list[Range] = []
        self._noted: list[Range] = []
        self._starts: list[int] = []
        self._gone: list[int] = [0]

    def cut(self, *ranges: Range) -> None:
        """Leave these ranges out."""
        self._noted += ranges

    def write(self, at: int, content: bytes) -> None:
        """Overwrite what stands at a place of the old file."""
        self._new[at : at + len(content)] = content

    def put(self, field: Field, value: int) -> None:
        """Write a number anew; one that is not stored can only be 0."""
        if value == field.value:
            return
        try:
            self.write(field.at, value.to_bytes(field.size))
        except OverflowError:
            raise NotEditable("a number does not fit its field") from None

    def settle(self) -> None:
        """From here on all cuts are known, and `moved` and `fit` can be asked."""
        self._cuts = union(self._noted)
        self._starts = [start for start, _ in self._cuts]
        self._gone = [0, *accumulate(end - start for start, end in self._cuts)]

    def moved(self, offset: int) -> int:
        """Where a byte of the old file comes to lie. Raises NotEditable where it was cut."""
        before = bisect_right(self._starts, offset)
        if before and offset < self._cuts[before - 1][1]:
            raise NotEditable("an offset points at bytes that go")
        return offset - self._gone[before]

    def shift(self, start: int, end: int) -> int:
        """How far a range that stays whole moves towards the start of the file."""
        if not 0 <= start < end <= len(self._data):
            raise NotEditable("bytes that are used lie outside the file")
        shift = start - self.moved(start)
        if end - 1 - self.moved(end - 1) != shift or self._cut_within(start, end):
            raise NotEditable("bytes that stay are cut")
        return shift

    def fit(self, box: Box) -> None:
        """Make a box's size say what is left in it, unless it goes as a whole or runs to the end of the file."""
        gone = self._cut_within(box.start, box.end)
        if not gone or gone == box.end - box.start:
            return
        size = int.from_bytes(self._data[box.start : box.start + 4])
        if size == 1:
            self.put(Field(box.end - box.start, box.start + 8, 8), box.end - box.start - gone)
        elif size:
            self.put(Field(size, box.start, 4), size - gone)

    def result(self) -> bytes:
        """The new file."""
        edges = [0, *(edge for cut in self._cuts for edge in cut), len(self._new)]
        view = memoryview(self._new)
        return b"".join(view[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True))

    def _cut_within(self, start: int, end: int) -> int:
        return self._cut_before(end) - self._cut_before(start)

    def _cut_before(self, offset: int) -> int:
        index = bisect_right(self._starts, offset)
        gone = self._gone[index]
        return gone - max(0, self._cuts[index - 1][1] - offset) if index else 0
