"""The image sequence of a HEIF or AVIF file: the tracks of its `moov` box (ISO/IEC 14496-12 chapter 8)."""

from dataclasses import dataclass
from itertools import accumulate, pairwise

from exceptions import UnprocessableImage
from utils.isobmff import Box, Field, Reader, boxes, children, first, table

MAX_FRAMES = 100_000
SAMPLE_ENTRY = 78
"""Bytes of a visual sample entry before its boxes."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """What the tracks say; durations in milliseconds, loop as 0 for ever and None for unsaid."""

    width: int
    height: int
    frames: int
    durations: tuple[int, ...]
    loop: int | None
    alpha: bool
    properties: tuple[Box, ...]


def read_sequence(data: bytes, moov: Box) -> Sequence | None:
    """The first track of pictures; None where there is none."""
    tracks = [box for box in children(data, moov) if box.kind == b"trak"]
    handlers = [_handler(data, track) for track in tracks]
    shown = next((track for track, kind in zip(tracks, handlers, strict=True) if kind in (b"pict", b"vide")), None)
    if shown is None:
        return None
    width, height, properties = _entry(data, shown)
    frames = _sample_count(data, shown)
    return Sequence(
        width, height, frames, _durations(data, shown, frames), _loop(data, shown), b"auxv" in handlers, properties
    )


def chunk_offsets(data: bytes, table_box: Box) -> list[Field]:
    """The entries of an `stco` or `co64` box: places in the file."""
    reader = table(data, table_box, skip=4)
    count, size = reader.uint(4), 8 if table_box.kind == b"co64" else 4
    if count * size > reader.left:
        raise UnprocessableImage("chunk offsets are cut short")
    return [reader.field(size) for _ in range(count)]


def sample_ranges(data: bytes, stbl: Box) -> list[tuple[int, int]]:
    """Start and end in the file of each chunk of samples. Raises UnprocessableImage where a table is broken."""
    inner = {box.kind: box for box in children(data, stbl)}
    places = inner.get(b"stco") or inner.get(b"co64")
    if places is None or b"stsz" not in inner or b"stsc" not in inner:
        raise UnprocessableImage("the track does not say where its samples are")
    starts = [field.value for field in chunk_offsets(data, places)]
    counts = _chunk_counts(data, inner[b"stsc"], len(starts))
    reader = table(data, inner[b"stsz"], skip=4)
    size, total = reader.uint(4), reader.uint(4)
    if sum(counts) != total or (not size and 4 * total > reader.left):
        raise UnprocessableImage("the tables of the track do not agree")
    if size:
        lengths = [size * count for count in counts]
    else:
        ends = [0, *accumulate(reader.uint(4) for _ in range(total))]
        stops = [0, *accumulate(counts)]
        lengths = [ends[stop] - ends[start] for start, stop in pairwise(stops)]
    return [(start, start + length) for start, length in zip(starts, lengths, strict=True)]


def _chunk_counts(data: bytes, stsc: Box, chunks: int) -> list[int]:
    """How many samples each chunk has; an entry holds from its first chunk (from 1) up to the next entry's."""
    reader = table(data, stsc, skip=4)
    counts: list[int] = []
    entries = reader.uint(4)
    if 12 * entries > reader.left:
        raise UnprocessableImage("the track's chunks are cut short")
    rows = [(reader.uint(4), reader.uint(4), reader.uint(4)) for _ in range(entries)]
    for (first_chunk, samples, _), (next_chunk, _, _) in pairwise([*rows, (chunks + 1, 0, 0)]):
        if first_chunk != len(counts) + 1 or not first_chunk <= next_chunk <= chunks + 1:
            raise UnprocessableImage("the track's chunks are out of order")
        counts += [samples] * (next_chunk - first_chunk)
    return counts


def times(data: bytes, box: Box) -> list[Field]:
    """When an `mvhd`, `tkhd` or `mdhd` box was created and changed."""
    reader = Reader(data, box.body, box.end)
    size = 8 if reader.uint(4) >> 24 else 4
    return [reader.field(size), reader.field(size)]


def _handler(data: bytes, track: Box) -> bytes:
    box = first(data, track, b"mdia", b"hdlr")
    return data[box.body + 8 : box.body + 12] if box else b""


def _entry(data: bytes, track: Box) -> tuple[int, int, tuple[Box, ...]]:
    stsd = first(data, track, b"mdia", b"minf", b"stbl", b"stsd")
    entries = boxes(data, stsd.body + 8, stsd.end) if stsd else []
    if not entries:
        raise UnprocessableImage("the track does not describe its pictures")
    reader = Reader(data, entries[0].body, entries[0].end)
    reader.take(24)
    width, height = reader.uint(2), reader.uint(2)
    return width, height, tuple(boxes(data, entries[0].body + SAMPLE_ENTRY, entries[0].end))


def _sample_count(data: bytes, track: Box) -> int:
    box = first(data, track, b"mdia", b"minf", b"stbl", b"stsz")
    if box is None:
        raise UnprocessableImage("the track does not count its pictures")
    reader = Reader(data, box.body + 8, box.end)
    return reader.uint(4)


def _durations(data: bytes, track: Box, frames: int) -> tuple[int, ...]:
    box, header = first(data, track, b"mdia", b"minf", b"stbl", b"stts"), first(data, track, b"mdia", b"mdhd")
    if box is None or header is None or frames > MAX_FRAMES:
        return ()
    scale = Reader(data, *_after_times(data, header)).uint(4)
    reader = table(data, box, skip=4)
    durations: list[int] = []
    for _ in range(min(reader.uint(4), reader.left // 8)):
        count, delta = reader.uint(4), reader.uint(4)
        durations += [round(1000 * delta / max(1, scale))] * min(count, frames - len(durations))
    return tuple(durations)


def _after_times(data: bytes, box: Box) -> tuple[int, int]:
    last = times(data, box)[-1]
    return last.at + last.size, box.end


def _loop(data: bytes, track: Box) -> int | None:
    """How often the edit list plays the track: its flag 1 repeats it for the track's duration (23008-12)."""
    edits, header = first(data, track, b"edts", b"elst"), first(data, track, b"tkhd")
    if edits is None or header is None:
        return None
    reader = Reader(data, edits.body, edits.end)
    size = 8 if reader.uint(1) else 4
    repeats = reader.uint(3) & 1
    if not repeats:
        return 1
    reader.uint(4)
    segment = reader.uint(size)
    reader = Reader(data, *_after_times(data, header))
    reader.uint(8)
    size = 8 if data[header.body] else 4
    duration = reader.uint(size)
    if duration == (1 << 8 * size) - 1 or not segment:
        return 0
    return max(1, -(-duration // segment))
