"""GIF blocks, read and written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exceptions import UnprocessableImage
from tests.helpers import decode, encode, graphic
from utils import gif_blocks
from utils.gif_blocks import COMMENT, Extension


def _animation(frames: int = 3) -> bytes:
    pictures = [graphic(40 + index, 30).resize((40, 30)) for index in range(frames)]
    return encode(
        pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=[30, 500, 70][:frames], loop=5
    )


FILE = _animation()


def test_round_trip() -> None:
    gif = gif_blocks.parse(FILE)
    assert bytes(gif) == FILE
    assert gif.trailing == 0 and len(gif.images) == 3


def test_timing_and_loop() -> None:
    gif = gif_blocks.parse(FILE)
    assert [control.delay for control in gif_blocks.controls(gif.blocks)] == [3, 50, 7]
    assert gif_blocks.loop_count(gif.blocks) == 5
    assert gif_blocks.loop_count([]) is None


def test_extension_payload() -> None:
    made = gif_blocks.extension(COMMENT, b"a" * 255, b"b")
    gif = gif_blocks.parse(FILE)
    read = gif_blocks.parse(bytes(gif_blocks.Gif(gif.screen, (made, *gif.blocks)))).blocks[0]
    assert isinstance(read, Extension)
    assert (read.label, read.payload()) == (COMMENT, b"a" * 255 + b"b")


def test_trailing_bytes_are_counted_and_stray_terminators_dropped() -> None:
    gif = gif_blocks.parse(FILE[:-1] + b"\0\0;junk")
    assert gif.trailing == 4
    assert bytes(gif) == FILE


def test_missing_trailer_is_written() -> None:
    assert bytes(gif_blocks.parse(FILE[:-1])) == FILE


def test_still_of_a_frame() -> None:
    gif = gif_blocks.parse(FILE)
    image = gif.images[1]
    left, top, right, bottom = image.box
    alone = decode(bytes(gif_blocks.still(gif.screen, image)))
    assert alone.size == (right - left, bottom - top)
    assert image.area == alone.width * alone.height


def test_first_frame() -> None:
    alone = gif_blocks.first_frame(gif_blocks.parse(FILE))
    assert decode(bytes(alone)).convert("RGB").tobytes() == decode(FILE).convert("RGB").tobytes()
    assert len(alone.images) == 1


def test_own_palette_shows_the_same() -> None:
    gif = gif_blocks.parse(encode(graphic(40, 30).quantize(8), "GIF"))
    (image,) = gif.images
    own = image.with_palette(gif.screen.palette)
    other = gif_blocks.Screen(gif.screen.head, 40, 30, bytes(len(gif.screen.palette)))
    moved = bytes(gif_blocks.Gif(other, (own,)))
    assert decode(moved).convert("RGB").tobytes() == decode(bytes(gif)).convert("RGB").tobytes()
    assert own.with_palette(b"") is own


@pytest.mark.parametrize("data", [b"", b"GIF89a", FILE[:13], FILE[:-20], b"GIF89a" + bytes(7) + b";", FILE[:-1] + b"?"])
def test_broken_files_are_refused(data: bytes) -> None:
    with pytest.raises(UnprocessableImage):
        gif_blocks.parse(data)


def test_endless_sub_blocks_are_refused_in_one_chain_and_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gif_blocks, "MAX_SUB_BLOCKS", 10)
    screen = b"GIF89a" + bytes(7)
    for comments in (b"\x21\xfe" + b"\1a" * 11 + b"\0", (b"\x21\xfe" + b"\1a" * 4 + b"\0") * 3):
        with pytest.raises(UnprocessableImage, match="sub-blocks"):
            gif_blocks.parse(screen + comments)


def test_endless_blocks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gif_blocks, "MAX_BLOCKS", 2)
    with pytest.raises(UnprocessableImage, match="more than 2 blocks"):
        gif_blocks.parse(FILE)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(FILE) - 1), st.binary(min_size=1, max_size=6), st.booleans())
def test_total(at: int, noise: bytes, cut: bool) -> None:
    try:
        gif = gif_blocks.parse(FILE[:at] + noise + (b"" if cut else FILE[at + len(noise) :]))
        list(gif_blocks.controls(gif.blocks))
        gif_blocks.loop_count(gif.blocks)
    except UnprocessableImage:
        pass
