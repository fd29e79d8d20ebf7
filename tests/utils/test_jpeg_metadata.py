"""Lean JPEG files: what the picture needs stays, everything else goes and is named."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exceptions import UnprocessableImage
from tests.helpers import decode, difference, encode, graphic, photo
from utils.jpeg_metadata import labelled, lean
from utils.jpeg_pictures import GAIN_MAP_ISO, Picture, further_pictures, gain_map_xmp, new_index, write_first
from utils.jpeg_segments import (
    ADOBE,
    APP0,
    APP1,
    APP2,
    APP13,
    APP14,
    COM,
    EXIF,
    ICC,
    XMP,
    XMP_EXTENSION,
    Segment,
    read_stream,
    write,
)

PLAIN = encode(photo(64, 48), "JPEG")
XMP_PACKET = Segment(APP1, XMP + b'<x dc:creator="Ada"/>')


def _exif() -> Segment:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x8298] = "(c) Ada"
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8825)[1] = "N"
    return Segment(APP1, exif.tobytes())


def _iptc(notice: bytes) -> Segment:
    data = b"\x1c\x02\x74" + len(notice).to_bytes(2) + notice
    return Segment(APP13, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + len(data).to_bytes(4) + data)


def _with(*segments: Segment, data: bytes = PLAIN) -> bytes:
    jfif, *rest = read_stream(data).segments
    return write([jfif, *segments, *rest])


def _ultra_hdr() -> tuple[bytes, bytes]:
    """A photo with a gain map as phones write it, and the gain map alone."""
    own = Segment(APP1, XMP + b'<x hdrgm:Version="1.0" hdrgm:GainMapMax="3.5"/>')
    gain_map = _with(own, data=encode(graphic(32, 24).convert("L"), "JPEG"))
    declared = Segment(APP1, gain_map_xmp(b"", len(gain_map)).replace(b"<rdf:Seq>", b"<rdf:Seq><!-- Ada's phone -->"))
    head = [_exif(), declared, Segment(APP2, GAIN_MAP_ISO + b"\0\0\0\0"), new_index([Picture(gain_map)])]
    return write_first([*head, *read_stream(PLAIN).segments], 0) + gain_map, gain_map


def test_nothing_to_take_is_the_same_file() -> None:
    assert lean(PLAIN, keep_copyright=True) == (PLAIN, ())


def test_everything_that_is_not_needed_goes_and_is_named() -> None:
    full = _with(
        Segment(APP0, b"JFXX\0\x10thumb"),
        _exif(),
        XMP_PACKET,
        Segment(APP1, XMP_EXTENSION + b"more"),
        _iptc(b"x"),
        Segment(COM, b"secret"),
        Segment(0xEC, b"Ducky\0"),
    )
    data, removed = lean(full, keep_copyright=True)
    assert removed == ("thumbnail", "exif", "gps", "xmp", "iptc", "comment", "other")
    assert not any(word in data for word in (b"JFXX", b"Maker", b"xap", b"Photoshop", b"secret", b"Ducky"))
    assert decode(data).getexif()[0x0112] == 6
    assert difference(decode(data), decode(PLAIN)) == 0
    assert lean(data, keep_copyright=True) == (data, ())


@pytest.mark.parametrize("keep", [True, False])
def test_copyright_stays_only_where_it_may(keep: bool) -> None:
    data, removed = lean(_with(_exif()), keep_copyright=keep)
    assert (b"(c) Ada" in data) is keep
    assert ("copyright" in removed) is not keep
    assert decode(data).getexif()[0x0112] == 6


def test_copyright_of_iptc_moves_to_exif_that_has_none() -> None:
    data, removed = lean(_with(_iptc(b"(c) Bob")), keep_copyright=True)
    assert decode(data).getexif()[0x8298] == "(c) Bob"
    assert removed == ("iptc",)
    data, _ = lean(_with(_exif(), _iptc(b"(c) Bob")), keep_copyright=True)
    assert decode(data).getexif()[0x8298] == "(c) Ada"


def test_profile_density_and_adobe_stay() -> None:
    profile = [Segment(APP2, ICC + bytes([part, 2]) + b"x" * 60_000) for part in (1, 2)]
    adobe = Segment(APP14, ADOBE + b"\0\x64\0\0\0\0\x01")
    full = _with(*profile, adobe, data=encode(photo(64, 48), "JPEG", dpi=(300, 300)))
    assert lean(full, keep_copyright=False) == (full, ())


def test_thumbnail_in_jfif_goes() -> None:
    payload = read_stream(PLAIN).segments[0].payload
    full = write([Segment(APP0, payload[:12] + b"\1\1rgb"), *read_stream(PLAIN).segments[1:]])
    assert lean(full, keep_copyright=True) == (PLAIN, ("thumbnail",))


def test_copyright_longer_than_a_segment_is_cut() -> None:
    tiff = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHII", 0x8298, 2, 65_500, 0) + b"\0\0\0\0"
    data, _ = lean(_with(Segment(APP1, EXIF + tiff.ljust(65_520, b"c"))), keep_copyright=True)
    assert len(data) < len(PLAIN) + 5000


def test_previews_and_what_else_lies_behind_go() -> None:
    preview = encode(graphic(32, 24), "JPEG")
    full = write_first([new_index([Picture(preview, 0x010001)]), *read_stream(PLAIN).segments], 0) + preview
    assert lean(full, keep_copyright=True) == (PLAIN, ("thumbnail",))
    assert lean(PLAIN + b"SEFH motion", keep_copyright=True) == (PLAIN, ("other",))
    assert lean(PLAIN + b"\0" * 100, keep_copyright=True) == (PLAIN, ())


@pytest.mark.parametrize("keep", [True, False])
def test_gain_map_stays_byte_for_byte_and_is_found(keep: bool) -> None:
    full, gain_map = _ultra_hdr()
    data, removed = lean(full + b"motion photo", keep_copyright=keep)
    first = read_stream(data)
    assert data[first.end :] == gain_map
    assert [p.data for p in further_pictures(data, first)] == [gain_map]
    assert f'Item:Length="{len(gain_map)}"'.encode() in data
    assert GAIN_MAP_ISO in data
    assert b"Ada's phone" not in data
    assert {"exif", "gps", "xmp", "other"} <= set(removed)
    assert lean(data, keep_copyright=keep) == (data, ())


def test_declared_gain_map_that_is_not_there_is_not_promised() -> None:
    full, gain_map = _ultra_hdr()
    data, removed = lean(full[: -len(gain_map)], keep_copyright=True)
    assert b"hdrgm" not in data
    assert GAIN_MAP_ISO not in data
    assert "other" in removed


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_only_refusals_come_out_of_broken_files(data: st.DataObject) -> None:
    full = _ultra_hdr()[0]
    broken = bytearray(full)
    for _ in range(data.draw(st.integers(1, 6))):
        broken[data.draw(st.integers(0, 1200))] = data.draw(st.integers(0, 255))
    with suppress(UnprocessableImage):
        lean(bytes(broken[: data.draw(st.sampled_from([len(full), len(full) // 2, 900]))]), keep_copyright=True)


def test_labels_stand_behind_jfif_and_a_long_profile_is_cut() -> None:
    made = decode(labelled(PLAIN, b"i" * 200_000, b"MM\0*\0\0\0\x08\0\0\0\0\0\0"))
    assert made.info["icc_profile"] == b"i" * 200_000
    assert "jfif" in made.info and "exif" in made.info
    assert difference(made, decode(PLAIN)) == 0
    header = read_stream(labelled(PLAIN, b"i" * 200_000, b"MM")).segments
    assert [s.marker for s in header[:6]] == [APP0, APP1, APP2, APP2, APP2, APP2]
    assert labelled(PLAIN, b"", b"") == PLAIN
