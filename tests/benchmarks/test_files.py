"""Telling images from other files."""

import gzip
from pathlib import Path

import pytest

from benchmarks.files import format_of, samples
from tests.helpers import encode, graphic, photo

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.mark.parametrize("format", ["jpeg", "png", "gif", "webp", "tiff", "bmp", "avif"])
def test_formats_by_their_bytes(format: str) -> None:
    assert format_of(encode(photo(32, 32), format)) == format


def test_animated_png_and_gzipped_svg_are_told_apart() -> None:
    moving = encode(photo(16, 16), "PNG", save_all=True, append_images=[graphic(16, 16)])
    assert format_of(moving) == "apng"
    assert (format_of(SVG), format_of(gzip.compress(SVG))) == ("svg", "svgz")


def test_the_codec_s_brand_counts_before_the_generic_one() -> None:
    assert format_of(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif") == "avif"


def test_a_folder_is_walked_in_order_and_other_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.svg").write_bytes(SVG)
    (tmp_path / "one.txt").write_bytes(encode(photo(16, 16), "PNG"))
    (tmp_path / "MANIFEST.csv").write_text("file,format\n")
    assert [(s.name, s.format) for s in samples(tmp_path)] == [("b/two.svg", "svg"), ("one.txt", "png")]
    assert [s.name for s in samples(tmp_path, ["png"])] == ["one.txt"]
