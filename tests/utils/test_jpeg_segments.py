"""The JPEG walker: every byte accounted for, nothing a stranger writes is more than a refusal."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exceptions import UnprocessableImage
from tests.helpers import encode, photo
from utils import jpeg_segments
from utils.jpeg_segments import (
    APP0,
    APP13,
    COM,
    DQT,
    JFIF,
    SOS,
    Segment,
    frame_of,
    iptc_copyright,
    quantization_tables,
    read_header,
    read_stream,
    write,
)

BASELINE = encode(photo(48, 40), "JPEG", comment=b"hello")
PROGRESSIVE = encode(photo(48, 40), "JPEG", progressive=True)
HEADER_END = list(read_header(BASELINE))[-1].end


@pytest.mark.parametrize("data", [BASELINE, PROGRESSIVE, encode(photo(48, 40), "JPEG", restart_marker_blocks=1)])
def test_what_was_read_is_written_back_byte_for_byte(data: bytes) -> None:
    stream = read_stream(data + b"behind")
    assert (write(stream.segments), stream.end, stream.closed) == (data, len(data), True)


def test_the_length_of_a_segment_is_what_it_takes_in_the_file() -> None:
    assert sum(map(len, read_stream(BASELINE).segments)) == len(BASELINE) - 4


def test_every_scan_of_a_progressive_file_is_a_segment() -> None:
    assert [s.marker for s in read_stream(PROGRESSIVE).segments].count(SOS) > 5


@pytest.mark.parametrize("between", [b"abc", b"\xff\xff\xff", b"\xff\x00", b"\xff\xd3", b"\xff\x01"])
def test_bytes_between_segments_are_passed_over(between: bytes) -> None:
    first = next(read_header(BASELINE)).end
    assert write(read_stream(BASELINE[:first] + between + BASELINE[first:]).segments) == BASELINE


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 5, 20, 100, HEADER_END - 1])
def test_header_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(UnprocessableImage):
        list(read_header(BASELINE[:cut]))


@pytest.mark.parametrize("wrong", [b"\xff\xd8" * 2, b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xfe\x00\x01", b"GIF89a"])
def test_nonsense_for_a_header_is_refused(wrong: bytes) -> None:
    with pytest.raises(UnprocessableImage):
        list(read_header(wrong))


def test_more_segments_than_any_picture_has_are_refused() -> None:
    many = b"\xff\xfe\x00\x02" * 20_000
    for data in (BASELINE[:2] + many + BASELINE[2:], BASELINE[:-2] + many + BASELINE[-2:]):
        with pytest.raises(UnprocessableImage):
            read_stream(data)


def test_without_an_end_the_stream_is_open_and_all_of_it_is_kept() -> None:
    stream = read_stream(BASELINE[:-2])
    assert not stream.closed
    assert write(stream.segments) == BASELINE


def test_what_cannot_be_read_behind_the_first_scan_stays() -> None:
    broken = BASELINE[:-2] + b"\xff\xdb\xff\xff1234"
    assert write(read_stream(broken).segments) == broken + b"\xff\xd9"


def test_frame_header() -> None:
    frame = frame_of(read_header(PROGRESSIVE))
    assert (frame.process, frame.precision, frame.width, frame.height) == (0xC2, 8, 48, 40)
    assert [(c.h, c.v) for c in frame.components] == [(2, 2), (1, 1), (1, 1)]


@pytest.mark.parametrize("position, value", [(0, 0), (1, 0), (3, 0), (5, 0), (5, 9), (7, 0x05), (7, 0x50)])
def test_frame_header_that_makes_no_sense_is_refused(position: int, value: int) -> None:
    payload = bytearray(b"\x08\x00\x28\x00\x30\x01\x01\x11\x00")
    assert frame_of([Segment(0xC0, bytes(payload))]).width == 48
    payload[position : position + 1 + (position in (1, 3))] = bytes([value]) * (1 + (position in (1, 3)))
    with pytest.raises(UnprocessableImage):
        frame_of([Segment(0xC0, bytes(payload))])


def test_quantization_tables_are_those_that_the_decoder_finds() -> None:
    with Image.open(io.BytesIO(BASELINE)) as image:
        expected = {number: sorted(steps) for number, steps in image.quantization.items()}
    found = quantization_tables(read_header(BASELINE))
    assert {number: sorted(steps) for number, steps in found.items()} == expected
    assert found[0][:4] == (8, 6, 6, 7)


def test_sixteen_bit_tables_and_broken_ones() -> None:
    wide = b"\x11" + b"".join((300 + i).to_bytes(2) for i in range(64))
    assert quantization_tables([Segment(DQT, wide + b"\x00\x01")]) == {1: tuple(range(300, 364))}


def test_holds_asks_for_marker_and_signature() -> None:
    segment = Segment(APP0, JFIF + b"12")
    assert segment.holds(APP0, b"JFXX\0", JFIF)
    assert not segment.holds(COM, JFIF)
    assert not segment.holds(APP0, b"JFXX\0")


def _iptc(notice: bytes, length: int | None = None) -> bytes:
    data = b"\x1c\x02\x05\x00\x01x\x1c\x02\x74" + (len(notice) if length is None else length).to_bytes(2) + notice
    return b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(data).to_bytes(4) + data


def test_iptc_copyright() -> None:
    assert iptc_copyright(_iptc(b"(c) Ada")) == b"(c) Ada"
    assert iptc_copyright(_iptc(b"(c) Ada", length=999)) == b""
    assert iptc_copyright(_iptc(b"(c) Ada").replace(b"8BIM\x04\x04", b"8BIM\x04\x05")) == b""
    assert iptc_copyright(b"Photoshop 3.0\x008BIM\x04\x04\0\0") == b""
    assert Segment(APP13, _iptc(b"x")).is_metadata


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_only_refusals_come_out_of_broken_files(data: st.DataObject) -> None:
    broken = bytearray(data.draw(st.sampled_from([BASELINE, PROGRESSIVE])))
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.sampled_from([0, 1, 0xD8, 0xD9, 0xDA, 0xFF]))
    try:
        stream = read_stream(bytes(broken[: data.draw(st.integers(0, len(broken)))]))
        frame_of(stream.segments)
        quantization_tables(stream.segments)
    except UnprocessableImage:
        return
    assert not stream.closed or read_stream(write(stream.segments)).segments == stream.segments


def test_a_marker_is_found_across_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_segments, "STEP", 4)
    for fill in range(12):
        (segment,) = list(read_header(b"\xff\xd8" + b"\xff" * fill + b"\xff\xda\0\2"))
        assert (segment.marker, segment.offset) == (SOS, fill + 6)


def test_only_so_many_tables_are_read() -> None:
    hostile = [Segment(DQT, bytes(65 * 1000))] * 1000
    assert quantization_tables([Segment(DQT, b"\1" * 65), *hostile]).keys() == {0, 1}
