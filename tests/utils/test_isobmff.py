"""Boxes are found, and byte ranges left out, whatever the bytes say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exceptions import UnprocessableImage
from tests.utils.heif_files import box
from utils.isobmff import MAX_BOXES, MAX_TABLE, Box, Field, Reader, boxes, brands, filled, header, nested, table
from utils.isobmff_edit import Edit, NotEditable, union, without

RANGES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair))))


def members(ranges: list[tuple[int, int]]) -> set[int]:
    return {byte for start, end in ranges for byte in range(start, end)}


def test_boxes_in_a_row_up_to_what_is_none() -> None:
    data = box(b"free", b"12") + box(b"mdat", b"345", large=True) + b"\0\0\0\0mdat67"
    found = boxes(data, 0, len(data))
    assert [(b.kind, data[b.body : b.end]) for b in found] == [(b"free", b"12"), (b"mdat", b"345"), (b"mdat", b"67")]
    assert boxes(data[:10] + b"\0\0\0\x04junk", 0, 18) == found[:1]


def test_a_box_cut_short_has_a_header_and_is_not_listed() -> None:
    data = box(b"mdat", b"0123456789")[:-1]
    assert boxes(data, 0, len(data)) == []
    assert (found := header(data, 0, len(data))) and found.end == len(data) + 1


def test_too_many_boxes_are_refused() -> None:
    with pytest.raises(UnprocessableImage):
        boxes(box(b"free") * (MAX_BOXES + 1), 0, 8 * (MAX_BOXES + 1))


def test_a_table_is_bounded() -> None:
    with pytest.raises(UnprocessableImage):
        table(b"", Box(b"iloc", 0, 8, 9 + MAX_TABLE))


def test_boxes_of_boxes_hold_nothing_else() -> None:
    for content, clean in ((b"", True), (box(b"irot"), True), (box(b"irot") + b"\0", False)):
        data = box(b"ipco", content)
        assert filled(data, boxes(data, 0, len(data))[0]) is clean


def test_boxes_of_boxes_are_opened() -> None:
    data = box(b"meta", box(b"iprp", box(b"ipco", box(b"irot", b"\1"))), version=0)
    assert [b.kind for b in nested(data, boxes(data, 0, len(data)))] == [b"meta", b"iprp", b"ipco", b"irot"]


def test_a_reader_stops_at_the_end_of_its_box() -> None:
    reader = Reader(b"\1\2name\0rest", 0, 7)
    assert (reader.uint(2), reader.text(), reader.left) == (0x102, b"name", 0)
    with pytest.raises(UnprocessableImage):
        reader.uint(1)


def test_brands_start_with_the_major_one() -> None:
    assert brands(box(b"ftyp", b"avif\0\0\0\0mif1miaf")) == [b"avif", b"mif1", b"miaf"]
    assert brands(box(b"JXL ", b"avif\0\0\0\0")) == []
    assert brands(b"") == []


@given(RANGES, RANGES)
def test_ranges_are_sets_of_bytes(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    assert members(union(some)) == members(some)
    assert members(without(some, others)) == members(some) - members(others)
    assert all(a[1] < b[0] for a, b in zip(union(some), union(some)[1:], strict=False))


@given(RANGES)
@settings(deadline=None)
def test_what_is_not_cut_stays_in_order_and_is_found_again(cuts: list[tuple[int, int]]) -> None:
    data = bytes(range(60))
    edit = Edit(data)
    edit.cut(*cuts)
    edit.settle()
    new = edit.result()
    assert new == bytes(sorted(set(data) - members(cuts)))
    assert all(new[edit.moved(byte)] == byte for byte in new)


def test_an_offset_into_a_cut_is_refused() -> None:
    edit = Edit(bytes(20))
    edit.cut((5, 10))
    edit.settle()
    assert (edit.moved(4), edit.moved(10), edit.shift(10, 20)) == (4, 5, 5)
    for start, end in ((4, 6), (4, 12), (6, 8), (10, 21), (12, 12)):
        with pytest.raises(NotEditable):
            edit.shift(start, end)
    with pytest.raises(NotEditable):
        edit.moved(5)


@pytest.mark.parametrize("large", [False, True])
def test_a_box_says_its_new_size(large: bool) -> None:
    data = box(b"mdat", b"0123456789", large=large)
    edit = Edit(data)
    edit.cut((len(data) - 4, len(data)))
    edit.settle()
    edit.fit(boxes(data, 0, len(data))[0])
    assert edit.result() == box(b"mdat", b"012345", large=large)


def test_a_number_too_large_for_its_field_is_refused() -> None:
    edit = Edit(bytes(4))
    edit.put(Field(0, 0, 0), 0)
    with pytest.raises(NotEditable):
        edit.put(Field(0, 0, 1), 256)
    with pytest.raises(NotEditable):
        edit.put(Field(0, 0, 0), -1)
