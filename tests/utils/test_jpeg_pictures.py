"""Several pictures in one JPEG file: found by their index, and still found after the first one changed its size."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers import encode, graphic, photo
from utils.jpeg_pictures import (
    MPF,
    Picture,
    further_pictures,
    gain_map_xmp,
    gain_maps,
    lean_gain_map,
    new_index,
    read_index,
    write_first,
)
from utils.jpeg_segments import APP1, APP2, COM, EXIF, XMP, Segment, read_stream, write

FIRST = encode(photo(64, 48), "JPEG")
SECOND = encode(graphic(32, 24), "JPEG", comment=b"two")
THIRD = encode(photo(16, 16), "JPEG")


def _little_endian_index(*entries: tuple[int, int, int, int]) -> Segment:
    """As Samsung and Sony write it; the entries come before the directory."""
    table = b"".join(struct.pack("<4I", *entry) for entry in entries)
    tiff = b"II*\0" + struct.pack("<I", 8 + len(table)) + table
    tiff += struct.pack("<HHHII", 1, 0xB002, 7, len(table), 8) + b"\0\0\0\0"
    return Segment(APP2, MPF + tiff)


def _file(*pictures: Picture) -> bytes:
    return write_first([new_index(pictures), *read_stream(FIRST).segments], 0) + b"".join(p.data for p in pictures)


def test_new_index_leads_to_its_pictures() -> None:
    pictures = [Picture(SECOND, 0x50000), Picture(THIRD, 7)]
    data = _file(*pictures)
    assert further_pictures(data, read_stream(data)) == pictures


def test_the_first_entry_is_the_size_of_the_first_picture() -> None:
    data = _file(Picture(SECOND))
    first = read_stream(data)
    index = read_index(first.segments[0].payload)
    assert index
    assert (index.entries[0].size, index.entries[0].offset) == (first.end, 0)
    assert index.entries[1].size == len(SECOND)


def test_index_of_the_other_byte_order_follows_its_pictures() -> None:
    gap = b"\0" * 10
    segment = _little_endian_index((1, 2, 0, 0), (5, len(SECOND), 0, 3))
    at = len(FIRST) + len(segment)
    tiff_at = 2 + 4 + len(MPF)
    segment = _little_endian_index((1, 2, 0, 0), (5, len(SECOND), at + len(gap) - tiff_at, 3))
    data = write([segment, *read_stream(FIRST).segments]) + gap + SECOND
    first = read_stream(data)
    assert further_pictures(data, first) == [Picture(SECOND, 5)]
    longer = write_first([Segment(COM, b"more"), *first.segments, Segment(COM, b"and more")], first.end) + gap + SECOND
    assert further_pictures(longer, read_stream(longer)) == [Picture(SECOND, 5)]


def test_without_an_index_the_next_image_is_found() -> None:
    data = FIRST + b"\0\0" + SECOND + b"rest"
    assert further_pictures(data, read_stream(data)) == [Picture(SECOND)]


def test_index_that_an_editor_left_stale_hides_nothing() -> None:
    data = _file(Picture(SECOND, 5))
    stale = write([*read_stream(data).segments, Segment(COM, b"an editor was here")]) + SECOND
    assert further_pictures(stale, read_stream(stale)) == [Picture(SECOND)]


def test_entries_that_point_nowhere_or_overlap_are_no_pictures() -> None:
    data = _file(Picture(SECOND), Picture(THIRD))
    payload = read_stream(data).segments[0].payload
    index = read_index(payload)
    assert index
    for wrong in (0, 3, index.entries[1].offset, 0xFFFFFFFF):
        table = struct.pack(">4I", 0, 1, wrong, 0)
        broken = data.replace(payload, payload[: index.at + 32] + table + payload[index.at + 48 :])
        assert further_pictures(broken, read_stream(broken)) == [Picture(SECOND)]


@pytest.mark.parametrize(
    "payload", [b"", b"XX*\0\0\0\0\x08\0\0", b"II*\0\xff\xff\xff\xff\0\0", b"MM\0*\0\0\0\x08\xff\xff"]
)
def test_index_that_makes_no_sense_is_none(payload: bytes) -> None:
    assert read_index(MPF + payload) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6))
def test_no_index_is_an_error(changes: list[tuple[int, int]]) -> None:
    data = bytearray(_file(Picture(SECOND)))
    for position, value in changes:
        data[6 + position % 86] = value
    first = read_stream(bytes(data))
    assert all(picture.data in data for picture in further_pictures(bytes(data), first))
    write_first(first.segments, first.end)


@pytest.mark.parametrize(
    "segment",
    [
        Segment(APP1, XMP + b'<x hdrgm:GainMapMax="2"/>'),
        Segment(APP1, XMP + b"<AuxType>urn:com:apple:photo:2020:aux:hdrgainmap</AuxType>"),
        Segment(APP2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"),
    ],
)
def test_a_gain_map_is_known_by_its_own_segments(segment: Segment) -> None:
    told = Picture(write([segment, *read_stream(SECOND).segments]))
    assert gain_maps(read_stream(FIRST), [Picture(THIRD), told]) == [told]


def test_where_only_the_first_picture_speaks_of_a_gain_map_none_is_thrown_away() -> None:
    declared = write([Segment(APP1, gain_map_xmp(b"", 9)), *read_stream(FIRST).segments])
    assert gain_maps(read_stream(declared), [Picture(THIRD)]) == [Picture(THIRD)]
    assert gain_maps(read_stream(FIRST), [Picture(THIRD)]) == []


def test_lean_gain_map_loses_what_is_private_and_nothing_else() -> None:
    own = [Segment(APP1, XMP + b'<x hdrgm:GainMapMax="2"/>'), *read_stream(THIRD).segments]
    private = [Segment(APP1, EXIF + b"secret"), Segment(COM, b"secret")]
    assert lean_gain_map(Picture(write([*private, *own]), 5)) == Picture(write(own), 5)
    untouched = Picture(write(own).replace(b"\xff\xdb", b"\xff\xff\xdb"))
    assert lean_gain_map(untouched) == untouched


def test_packet_names_the_version_and_the_length() -> None:
    packet = gain_map_xmp(b'<rdf:Description hdrgm:Version="1.1" dc:creator="Ada"/>', 4711)
    assert b'hdrgm:Version="1.1"' in packet
    assert b'Item:Length="4711"' in packet
    assert b"Ada" not in packet
