"""TIFF directories: read within bounds, laid out anew without losing a tag."""

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exceptions import UnprocessableImage
from tests.helpers import decode, photo
from utils.tiff_ifd import MAX_ENTRIES, STRIP_OFFSETS, Directory, Entry, Tiff, read, read_segments
from utils.tiff_layout import write


def stack(pages: int = 3) -> bytes:
    out = io.BytesIO()
    first, *others = [photo(40, 30, seed) for seed in range(pages)]
    first.save(out, "TIFF", save_all=True, append_images=others, software="Brush")
    return out.getvalue()


def parsed(data: bytes) -> Tiff:
    tiff = read(data)
    read_segments(data, tiff)
    return tiff


def made(order: str = "<", big: bool = False) -> Tiff:
    """A grey page of 4 x 2 with a private tag and a sub-directory of its own."""
    tiff, page, child = Tiff(order, big, []), Directory(), Directory()
    for tag, value in {256: 4, 257: 2, 258: 8, 259: 1, 262: 1, 277: 1, 278: 2}.items():
        tiff.put(page, tag, value)
    page.segments[STRIP_OFFSETS] = [bytes(range(8))]
    page.entries[65000] = Entry(2, b"a tag nobody knows\0")
    tiff.put(child, 256, 99)
    page.entries[330] = Entry(13, bytes(4))
    page.children[330] = [child]
    tiff.pages.append(page)
    return tiff


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_kind_of_file_is_read_as_it_was_written(order: str, big: bool) -> None:
    data = write(made(order, big))
    tiff = parsed(data)
    (page,) = tiff.pages
    assert (tiff.order, tiff.big, tiff.fixed) == (order, big, False)
    assert bytes(page.entries[65000].value) == b"a tag nobody knows\0"
    assert tiff.number(page.children[330][0], 256) == 99
    assert bytes(page.segments[STRIP_OFFSETS][0]) == bytes(range(8))
    if not (big and order == ">"):  # Pillow does not read those
        assert decode(data).tobytes() == bytes(range(8))


def test_pages_keep_order_and_pixels() -> None:
    data = stack()
    again = write(parsed(data))
    old, new = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(again))
    assert old.n_frames == new.n_frames == 3
    for index in range(3):
        old.seek(index)
        new.seek(index)
        assert old.tobytes() == new.tobytes()
        assert old.tag_v2[305] == new.tag_v2[305] == "Brush"


def test_shared_data_stays_shared() -> None:
    tiff, piece = made(), bytes(5000)
    other = Directory(dict(tiff.pages[0].entries), {}, {STRIP_OFFSETS: [piece]})
    other.entries.pop(330)
    tiff.pages[0].segments[STRIP_OFFSETS] = [piece]
    tiff.pages.append(other)
    data = write(tiff)
    assert len(data) < 6000
    assert write(parsed(data)) == data


def test_a_loop_of_pages_ends() -> None:
    data = bytearray(write(made()))
    (count,) = struct.unpack_from("<H", data, 8)
    struct.pack_into("<I", data, 10 + 12 * count, 8)
    tiff = read(bytes(data))
    assert len(tiff.pages) == 1
    assert tiff.fixed


def test_overlapping_data_is_not_moved() -> None:
    tiff = made()
    tiff.put(tiff.pages[0], 278, 1)
    tiff.pages[0].segments[STRIP_OFFSETS] = [bytes(range(4)), bytes(range(4, 8))]
    data = bytearray(write(tiff))
    page = read(bytes(data)).pages[0]
    first, second = struct.unpack("<2I", page.entries[STRIP_OFFSETS].value)
    at = bytes(data).index(struct.pack("<2I", first, second))
    struct.pack_into("<I", data, at + 4, first + 1)
    assert parsed(bytes(data)).fixed


@pytest.mark.parametrize("tag", [37500, 34412, 519])
def test_hidden_offsets_are_not_moved(tag: int) -> None:
    tiff = made()
    tiff.pages[0].entries[tag] = Entry(7, b"points somewhere")
    assert read(write(tiff)).fixed


def test_a_value_outside_the_file_is_not_moved() -> None:
    tiff = made()
    tiff.pages[0].entries[65001] = Entry(2, b"the tail of the file")
    data = bytearray(write(tiff))
    at = bytes(data).index(struct.pack("<HHI", 65001, 2, 20))
    struct.pack_into("<I", data, at + 8, len(data) - 5)
    assert read(bytes(data)).fixed


def test_data_outside_the_file_is_refused() -> None:
    data = write(made())
    with pytest.raises(UnprocessableImage, match="cut short"):
        read_segments(data[:-1], read(data))


def test_a_file_of_nothing_but_directories_is_refused_at_once() -> None:
    row = struct.pack("<HHII", 330, 4, 4000, 8)
    directory = struct.pack("<H", 60_000) + row * 60_000 + struct.pack("<I", 8 + 12)
    with pytest.raises(UnprocessableImage):
        read(b"II*\0" + struct.pack("<I", 8) + directory + bytes(16_000))
    assert MAX_ENTRIES > 60_000


@pytest.mark.parametrize("data", [b"", b"II*\0", b"II*\0\0\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0" + b"\xff" * 40])
def test_broken_headers_are_refused(data: bytes) -> None:
    with pytest.raises(UnprocessableImage):
        read(data)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_mutation_escapes(data: st.DataObject) -> None:
    file = bytearray(write(made(data.draw(st.sampled_from("<>")), data.draw(st.booleans()))))
    for _ in range(data.draw(st.integers(1, 6))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    file = file[: data.draw(st.integers(0, len(file)))]
    try:
        tiff = parsed(bytes(file))
        if not tiff.fixed:
            read(write(tiff))
    except UnprocessableImage:
        pass
