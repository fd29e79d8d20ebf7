"""Take metadata out of a HEIF or AVIF file without touching a coded picture.

What a picture needs stays as it is: coded images, tiles, alpha, gain maps, colour, rotation, crop, frames.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from exceptions import UnprocessableImage
from utils.heif_items import FILE, IDAT, Location, Meta, read_meta
from utils.heif_metadata import WORDS, Choice, choose
from utils.heif_tracks import chunk_offsets, sample_ranges, times
from utils.isobmff import Box, Field, boxes, children, filled, nested
from utils.isobmff_edit import Edit, NotEditable, Range, without
from utils.metadata import OTHER, TIME, XMP

NEEDED = {b"ftyp", b"meta", b"moov", b"mdat"}
"""Boxes of the file that show the picture; all others go."""
UNMAPPED = {b"moof", b"sidx", b"mfra", b"imda", b"saio"}
"""Boxes with offsets, or things with offsets into them, that are not followed here."""
PADDING = {b"free", b"skip", b"wide"}
BESIDE = {
    b"meta": {b"xml ", b"bxml", b"uuid", b"jumb", b"udta", *PADDING},
    b"moov": {b"meta", b"udta", b"uuid", *PADDING},
    b"trak": {b"meta", b"udta", b"uuid", *PADDING},
}
"""Boxes inside of others that no picture needs."""
TEXT_PROPERTIES = {b"udes": OTHER, b"altt": OTHER, b"crtt": TIME, b"mdft": TIME}
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


@dataclass(frozen=True, slots=True)
class Stripped:
    """The new file, what went and what had to stay, in receipt words."""

    data: bytes
    removed: tuple[str, ...]
    kept: tuple[str, ...]


def strip(data: bytes, *, keep_copyright: bool) -> Stripped:
    """Without its metadata; the same bytes, and the words of what is in them, where that could break the file."""
    job = _Strip(data, partial(choose, keep_copyright=keep_copyright))
    try:
        new = job.run()
    except (NotEditable, UnprocessableImage):
        return Stripped(data, (), tuple(dict.fromkeys(job.removed + job.kept)))
    return Stripped(new, tuple(dict.fromkeys(job.removed)), tuple(dict.fromkeys(job.kept)))


def shrink_item(data: bytes, number: int, content: bytes) -> bytes:
    """The file with other, no longer content in one item. Raises NotEditable, UnprocessableImage."""
    return _Strip(data, lambda _, __: Choice(lean={number: content})).run()


class _Strip:
    """One file's edit: first everything that goes is noted, then every number that this moves is written anew."""

    def __init__(self, data: bytes, choice_for: Callable[[bytes, Meta], Choice]) -> None:
        self.data = data
        self.edit = Edit(data)
        self.top = boxes(data, 0, len(data))
        self.choice_for = choice_for
        self.removed: list[str] = []
        self.kept: list[str] = []

    def run(self) -> bytes:
        """The new file. Raises NotEditable, UnprocessableImage."""
        metas = [read_meta(self.data, box) for box in self.top if box.kind == b"meta"]
        choices = [self.choice_for(self.data, meta) for meta in metas]
        for choice in choices:
            self.removed += choice.removed
            self.kept += choice.kept
        every = list(nested(self.data, self.top))
        self._cut_boxes(every)
        if len(metas) > 1 or any(box.kind in UNMAPPED or not filled(self.data, box) for box in every):
            raise NotEditable("the file is built in an unusual way")
        if any(meta.item_count and meta.item_count.value != len(meta.items) for meta in metas):
            raise NotEditable("the file does not say how many items it has")
        samples = [span for box in every if box.kind == b"stbl" for span in sample_ranges(self.data, box)]
        used = self._used(metas, choices, samples)
        for meta, choice in zip(metas, choices, strict=True):
            self._cut_entries(meta, choice.going)
            self._cut_properties(meta, choice.going)
        self._cut_content(metas, used + samples)
        self.edit.settle()
        for box in every:
            self.edit.fit(box)
        for meta, choice in zip(metas, choices, strict=True):
            for number in meta.locations.keys() - choice.going:
                self._relocate(meta, meta.locations[number], choice.lean.get(number))
        for start, end in samples:
            self.edit.shift(start, end)
        self._move_chunks(every)
        return self.edit.result()

    def _cut_boxes(self, every: list[Box]) -> None:
        """Boxes that no picture needs, as a whole, and whatever follows the last box."""
        beside = [box for box in self.top if box.kind not in NEEDED | UNMAPPED]
        for outer in every:
            if outer.kind in BESIDE:
                beside += [box for box in children(self.data, outer) if box.kind in BESIDE[outer.kind]]
        inner = [read_meta(self.data, box) for box in beside if box.kind == b"meta"]
        if any(item.kind not in WORDS for meta in inner for item in meta.items.values()):
            raise NotEditable("a track has pictures of its own beside its frames")
        for meta in inner:
            self.removed += choose(self.data, meta, keep_copyright=False).removed
        for box in beside:
            self.edit.cut((box.start, box.end))
            if box.kind not in PADDING | {b"meta"}:
                self.removed.append(XMP if box.kind == b"xml " or self._is_xmp(box) else OTHER)
        end = self.top[-1].end if self.top else 0
        self.edit.cut((end, len(self.data)))
        if self.data[end:].strip(b"\0"):
            self.removed.append(OTHER)

    def _is_xmp(self, box: Box) -> bool:
        return box.kind == b"uuid" and self.data[box.body : box.body + 16] == XMP_UUID

    def _used(self, metas: list[Meta], choices: list[Choice], samples: list[Range]) -> list[Range]:
        """The bytes that items which stay need. Lean items are written here: no other may share their bytes."""
        used: list[Range] = []
        lean: list[Range] = []
        for meta, choice in zip(metas, choices, strict=True):
            for number in meta.locations.keys() - choice.going:
                if number not in choice.lean:
                    used += meta.extents(number)
            lean += [self._write_lean(meta, number, content) for number, content in choice.lean.items()]
        if without(lean, used + samples) != sorted(lean):
            raise NotEditable("items share their bytes")
        return used + lean

    def _write_lean(self, meta: Meta, number: int, content: bytes) -> Range:
        extents = meta.extents(number)
        if len(extents) != 1 or extents[0][0] + len(content) > min(extents[0][1], len(self.data)):
            raise NotEditable("an item cannot shrink in place")
        start = extents[0][0]
        self.edit.write(start, content)
        self.edit.put(meta.locations[number].extents[0][1], len(content))
        return start, start + len(content)

    def _cut_entries(self, meta: Meta, going: set[int]) -> None:
        """The rows of items that go, in every table."""
        items = [meta.items[number].box for number in going & meta.items.keys()]
        places = [meta.locations[number] for number in going & meta.locations.keys()]
        rows = [row for row in meta.associations if row.item in going]
        self.edit.cut(*((row.start, row.end) for row in items))
        self.edit.cut(*((row.start, row.end) for row in places))
        self.edit.cut(*((row.start, row.end) for row in rows))
        gone = Counter({meta.item_count: len(items), meta.location_count: len(places)})
        gone.update(row.count for row in rows)
        for field, number in gone.items():
            if field is not None:
                self.edit.put(field, field.value - number)
        references = [ref.box for ref in meta.references if ref.source in going]
        if references and len(references) == len(meta.references):
            references = [box for box in meta.children if box.kind == b"iref"]
        self.edit.cut(*((box.start, box.end) for box in references))

    def _cut_properties(self, meta: Meta, going: set[int]) -> None:
        """Empty the properties that are text, or that nothing uses any more; they hold their place in the numbering."""
        gone, stays = set[int](), set[int]()
        for row in meta.associations:
            (gone if row.item in going else stays).update(row.properties())
        for index, box in enumerate(meta.properties, start=1):
            if box.kind in TEXT_PROPERTIES:
                self.removed.append(TEXT_PROPERTIES[box.kind])
            elif index not in gone - stays:
                continue
            self.edit.write(box.start + 4, b"free")
            self.edit.cut((box.body, box.end))
        text = {index for index, box in enumerate(meta.properties, start=1) if box.kind in TEXT_PROPERTIES}
        for row in meta.associations:
            for field, index in zip(row.indexes, row.properties(), strict=True):
                if index in text:
                    self.edit.put(field, 0)

    def _cut_content(self, metas: list[Meta], used: list[Range]) -> None:
        """What neither an item nor a track needs of the bytes set aside for content."""
        bodies = [box for box in self.top if box.kind == b"mdat"] + [meta.idat for meta in metas if meta.idat]
        unused = without([(box.body, box.end) for box in bodies], used)
        self.edit.cut(*unused)
        whole = set(unused)
        self.edit.cut(*((box.start, box.end) for box in bodies if (box.body, box.end) in whole or box.body == box.end))

    def _relocate(self, meta: Meta, place: Location, lean: bytes | None) -> None:
        """Make an item's place true again: the base takes as much of the shift as it can, the extents the rest."""
        if place.elsewhere or place.method not in (FILE, IDAT) or (place.method == IDAT and meta.idat is None):
            raise NotEditable("an item is not where it can be followed")
        origin = meta.idat.body if place.method == IDAT and meta.idat else 0
        shifts = []
        for at, length in place.extents:
            start = origin + place.base.value + at.value
            end = start + (length.value if lean is None else len(lean))
            shifts.append(self.edit.shift(start, end) - (origin - self.edit.moved(origin)))
        base = min(place.base.value, max(shifts, default=0))
        self.edit.put(place.base, place.base.value - base)
        for (at, _), shift in zip(place.extents, shifts, strict=True):
            self.edit.put(at, at.value - shift + base)

    def _move_chunks(self, every: list[Box]) -> None:
        for box in every:
            if box.kind in (b"stco", b"co64"):
                for field in chunk_offsets(self.data, box):
                    self.edit.put(field, self.edit.moved(field.value))
            elif box.kind in (b"mvhd", b"tkhd", b"mdhd"):
                self._forget_times(times(self.data, box))

    def _forget_times(self, fields: list[Field]) -> None:
        for field in fields:
            if field.value:
                self.removed.append(TIME)
                self.edit.put(field, 0)
