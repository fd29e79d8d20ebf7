"""Metadata leaves HEIF files of every shape, and no decoded pixel notices."""

import subprocess
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from tests.helpers import decode, encode, graphic, photo
from tests.utils.heif_files import ALPHA, XMP, Entry, box, described, exif, picture
from utils.heif_items import read_meta
from utils.heif_strip import shrink_item, strip
from utils.isobmff import boxes
from utils.isobmff_edit import NotEditable

SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "iloc 1": {"iloc_version": 1},
    "iloc 2, wide numbers": {"iloc_version": 2, "wide_ids": True},
    "64-bit offsets": {"offset_size": 8},
    "base offsets": {"base_size": 4},
    "base offsets alone": {"offset_size": 0, "base_size": 8},
    "several extents": {"parts": 3},
    "64-bit mdat": {"large_mdat": True},
    "mdat to the end": {"open_mdat": True},
    "boxes around": {"before": box(b"free", bytes(9)), "after": box(b"uuid", bytes(30))},
}


def seen(data: bytes) -> str:
    """All that exiftool reads in a file."""
    command = ["exiftool", "-a", "-G1", "-s", "-ee3", "-"]
    return subprocess.run(command, input=data, capture_output=True, check=False).stdout.decode()


def pixels(data: bytes) -> bytes:
    return decode(data).tobytes()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_exif_and_xmp_go_from_every_shape_of_container(shape: dict[str, Any]) -> None:
    data = described(photo(), **shape).build()
    assert "planted-camera" in seen(data) and "planted-xmp" in data.decode("latin-1")
    done = strip(data, keep_copyright=True)
    assert {"exif", "gps", "xmp"} <= set(done.removed)
    assert done.kept == ()
    assert b"planted" not in done.data
    assert not {"[IFD0]", "[GPS]", "XMP", "Warning"} & set(seen(done.data).replace("-", " ").split())
    assert pixels(done.data) == pixels(data)
    assert strip(done.data, keep_copyright=True).data == done.data


def test_reference_tool_leaves_no_less(tmp_path: Any) -> None:
    data = described(photo()).build()
    command = ["exiftool", "-all=", "--icc_profile:all", "-o", "-", "-"]
    reference = subprocess.run(command, input=data, capture_output=True, check=True).stdout
    done = strip(data, keep_copyright=False)
    assert len(done.data) <= len(reference)
    assert pixels(done.data) == pixels(reference)


@pytest.mark.parametrize("shape", [{}, {"base_size": 4}, {"iloc_version": 2, "wide_ids": True}])
def test_the_owner_stays_named_unless_nothing_may_stay(shape: dict[str, Any]) -> None:
    data = described(photo(), "Ann Owner", **shape).build()
    safe, none = strip(data, keep_copyright=True), strip(data, keep_copyright=False)
    assert "Ann Owner" in seen(safe.data) and "planted" not in seen(safe.data)
    assert b"planted" not in safe.data
    assert b"Ann Owner" not in none.data
    assert pixels(safe.data) == pixels(none.data) == pixels(data)
    again = strip(safe.data, keep_copyright=True)
    assert again.data == safe.data and again.removed == ()


def test_orientation_in_exif_is_no_orientation_here() -> None:
    data = encode(photo(), "AVIF", exif=exif(orientation=6), speed=9)
    shown = decode(data).getexif()[0x0112]
    done = strip(data, keep_copyright=True)
    assert decode(done.data).getexif()[0x0112] == shown == 6
    assert b"irot" in done.data and b"Exif" not in done.data


def test_items_in_idat_are_followed() -> None:
    file = described(photo(), iloc_version=1)
    file.items[1].in_idat = file.items[2].in_idat = True
    data = file.build()
    done = strip(data, keep_copyright=True)
    assert b"planted" not in done.data and len(done.data) < len(data)
    assert pixels(done.data) == pixels(data)


def test_bytes_that_two_items_share_go_only_when_both_do() -> None:
    file = described(photo())
    file.items[4] = Entry(b"tmap", XMP, shares=3)
    data = file.build()
    done = strip(data, keep_copyright=True)
    assert "xmp" in done.removed and XMP in done.data
    assert pixels(done.data) == pixels(data)


def test_thumbnails_go_and_leave_no_property_behind() -> None:
    file = described(photo())
    coded, properties = picture(graphic(32, 32))
    first = len(file.properties) + 1
    file.properties += properties
    used = [*range(first, first + len(properties))]
    file.items[4] = Entry(b"av01", coded, references={b"thmb": [1]}, properties=used)
    data = file.build()
    done = strip(data, keep_copyright=True)
    assert "thumbnail" in done.removed
    assert coded not in done.data and all(entry not in done.data for entry in properties if entry[4:8] == b"ispe")
    assert pixels(done.data) == pixels(data)


def test_a_thumbnail_that_something_needs_stays() -> None:
    file = described(photo())
    file.items[4] = Entry(b"av01", file.items[1].content, references={b"thmb": [1]}, properties=[1])
    file.items[5] = Entry(b"av01", b"mask", references={b"auxl": [4]}, properties=[1])
    done = strip(file.build(), keep_copyright=True)
    assert done.kept == ("thumbnail",) and "thumbnail" not in done.removed
    assert b"mask" in done.data and b"planted" not in done.data


def test_what_explains_an_auxiliary_picture_stays() -> None:
    file = described(photo())
    file.properties.append(box(b"auxC", b"urn:com:apple:photo:2020:aux:hdrgainmap\0", version=0))
    file.items[4] = Entry(b"av01", b"gain", references={b"auxl": [1]}, properties=[1, len(file.properties)])
    file.items[5] = Entry(b"mime", b"headroom", b"application/rdf+xml", references={b"cdsc": [4]})
    done = strip(file.build(), keep_copyright=True)
    assert b"gain" in done.data and b"headroom" in done.data and b"planted" not in done.data
    assert done.kept == ("xmp",)


def test_texts_about_the_picture_go_and_properties_keep_their_numbers() -> None:
    file = described(photo())
    file.properties.insert(0, box(b"udes", b"en\0planted name\0planted text\0\0", version=0))
    file.items[1].properties = [number + 1 for number in range(len(file.properties))]
    data = file.build()
    done = strip(data, keep_copyright=True)
    assert "other" in done.removed and b"planted" not in done.data
    assert pixels(done.data) == pixels(data)


@pytest.mark.parametrize(
    ("extra", "word"),
    [
        ({"after": box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), b"planted")}, "xmp"),
        ({"after": box(b"uuid", bytes(16), b"planted")}, "other"),
        ({"after": box(b"mpvd", b"planted")}, "other"),
        ({"before": box(b"jumb", b"planted")}, "other"),
        ({"after": b"planted garbage"}, "other"),
        ({"in_meta": box(b"xml ", b"\0\0\0\0planted\0")}, "xmp"),
        ({"in_meta": box(b"uuid", bytes(16), b"planted")}, "other"),
    ],
)
def test_what_hides_outside_of_items_goes(extra: dict[str, bytes], word: str) -> None:
    file = described(photo())
    del file.items[2], file.items[3]
    plain = file.build()
    done = strip(replace(file, **extra).build(), keep_copyright=True)
    assert done.removed == (word,)
    assert done.data == plain


def test_bytes_that_no_item_uses_go() -> None:
    file = described(photo())
    kept = dict(file.items)
    del kept[2], kept[3]
    data = file.build()
    orphaned = replace(file, items=kept).build() + box(b"mdat", b"planted")
    done = strip(orphaned, keep_copyright=True)
    assert b"planted" not in done.data and pixels(done.data) == pixels(data)


@pytest.mark.parametrize(
    "change",
    [
        {"after": box(b"moof", b"")},
        {"after": box(b"meta", b"", version=0)},
    ],
)
def test_a_file_that_cannot_be_followed_is_left_alone(change: dict[str, bytes]) -> None:
    data = replace(described(photo()), **change).build()
    done = strip(data, keep_copyright=True)
    assert done.data == data and done.removed == ()
    assert {"exif", "gps", "xmp"} <= set(done.kept)


def test_a_file_that_miscounts_its_items_is_left_alone() -> None:
    data = described(photo()).build()
    at = data.index(b"iinf") + 8
    wrong = data[:at] + b"\0\2" + data[at + 2 :]
    assert strip(wrong, keep_copyright=True).data == wrong


def test_metadata_that_claims_the_frames_does_not_take_them_along() -> None:
    data = encode(photo(64, 48), "AVIF", save_all=True, append_images=[photo(64, 48, seed=2)], speed=9, exif=exif())
    meta = read_meta(data, next(found for found in boxes(data, 0, len(data)) if found.kind == b"meta"))
    number = next(number for number, item in meta.items.items() if item.kind == b"Exif")
    ((start, length),) = meta.locations[number].extents
    wide = bytearray(data)
    wide[length.at : length.at + 4] = (len(data) - start.value).to_bytes(4)
    done = strip(bytes(wide), keep_copyright=False)
    assert b"planted" not in done.data
    with Image.open(_file(data)) as before, Image.open(_file(done.data)) as after:
        before.seek(1)
        after.seek(1)
        assert before.tobytes() == after.tobytes()


def test_bytes_elsewhere_are_not_followed() -> None:
    data = described(photo(), "Ann", iloc_version=1).build()
    row = data.index(b"iloc") + 4 + 4 + 2 + 2
    elsewhere = data[: row + 5] + b"\1" + data[row + 6 :]
    assert strip(elsewhere, keep_copyright=True).data == elsewhere


@pytest.mark.parametrize("metadata", [True, False])
def test_a_sequence_plays_on(metadata: bool) -> None:
    frames = [photo(64, 48, seed=seed) for seed in range(3)]
    extra = {"exif": exif("Ann"), "xmp": XMP} if metadata else {}
    data = encode(frames[0], "AVIF", save_all=True, append_images=frames[1:], duration=[100, 50, 70], speed=9, **extra)
    done = strip(data, keep_copyright=True)
    assert b"planted" not in done.data and (b"Ann" in done.data) is metadata
    assert done.removed[-1] == "time"
    with Image.open(_file(data)) as before, Image.open(_file(done.data)) as after:
        assert after.n_frames == before.n_frames == 3
        for index in range(3):
            before.seek(index)
            after.seek(index)
            assert after.tobytes() == before.tobytes()
            assert after.info["duration"] == before.info["duration"]


def test_alpha_and_profile_stay() -> None:
    profile = bytes(range(256)) * 2
    data = encode(graphic(alpha=True), "AVIF", speed=9, exif=exif(), icc_profile=profile)
    done = strip(data, keep_copyright=True)
    assert profile in done.data and ALPHA in done.data and b"planted" not in done.data
    assert pixels(done.data) == pixels(data) and decode(done.data).mode == "RGBA"


def test_an_item_shrinks_in_place_but_never_grows() -> None:
    data = described(photo()).build()
    smaller = shrink_item(data, 3, b"<x:new/>")
    assert b"<x:new/>" in smaller and b"planted-xmp" not in smaller and b"planted-camera" in smaller
    assert pixels(smaller) == pixels(data)
    with pytest.raises(NotEditable):
        shrink_item(data, 3, bytes(len(XMP) + 1))


def _file(data: bytes) -> Any:
    import io

    return io.BytesIO(data)
