"""GIF: cleaned by block, written by gifsicle without losing a frame or its time."""

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exceptions import UnprocessableImage
from optimizers import look
from optimizers.base import Candidate
from optimizers.gif import Gif, colour_changes, full_lossiness
from optimizers.policy import Effort, Metadata, Policy
from optimizers.toolbox import Toolbox
from tests.helpers import decode, difference, encode, graphic, photo
from utils import gif_blocks
from utils.gif_blocks import APPLICATION, COMMENT, GRAPHIC_CONTROL, PLAIN_TEXT, Extension

GIF = Gif()
EXTRAS = (
    gif_blocks.extension(COMMENT, b"by hand"),
    gif_blocks.extension(APPLICATION, b"XMP DataXMP", b"<x/>"),
    gif_blocks.extension(APPLICATION, b"ICCRGBG1012", b"profile"),
    gif_blocks.extension(APPLICATION, b"ImageMagick", b"gamma=1"),
)


def _drawing(step: int = 0) -> Image.Image:
    """A drawing with enough soft edges to have some hundred colours."""
    large = graphic(800, 600).rotate(step, fillcolor="white")
    return large.resize((160, 120), Image.Resampling.LANCZOS).quantize(256, dither=Image.Dither.NONE)


def _film(step: int = 0) -> Image.Image:
    return photo(160, 120, seed=step + 1).quantize(256)


def _animate(pictures: list[Image.Image], **options: Any) -> bytes:
    return encode(pictures[0], "GIF", save_all=True, append_images=pictures[1:], **options)


ANIMATION = _animate([_drawing(step) for step in (0, 4, 8)], duration=[30, 500, 10], loop=2)
STILL = encode(_drawing(), "GIF")


def _with(data: bytes, *extras: Extension) -> bytes:
    gif = gif_blocks.parse(data)
    return bytes(gif_blocks.Gif(gif.screen, (*extras, *gif.blocks)))


def _equal_frames(*delays: int) -> bytes:
    """Frames that look the same: what a merging optimizer would make one of."""
    gif = gif_blocks.parse(STILL)
    blocks: list[gif_blocks.Block] = []
    for delay in delays:
        blocks += [gif_blocks.extension(GRAPHIC_CONTROL, struct.pack("<BHB", 0, delay, 0)), gif.images[0]]
    return bytes(gif_blocks.Gif(gif.screen, tuple(blocks)))


async def _candidates(data: bytes, policy: Policy, tools: Toolbox) -> list[Candidate]:
    return [found async for found in GIF.optimize(data, GIF.inspect(data), policy, tools)]


def _pixels(data: bytes) -> Any:
    return look.raster(data, "GIF")["pixels"]


def test_sniff() -> None:
    assert GIF.sniff(STILL) and GIF.sniff(b"GIF87a...")
    assert not GIF.sniff(b"GIF90a")


def test_inspect_animation() -> None:
    info = GIF.inspect(ANIMATION)
    assert (info.width, info.height, info.frames) == (160, 120, 3)
    assert (info.durations, info.loop, info.alpha) == ((30, 500, 10), 3, False)


def test_inspect_still() -> None:
    info = GIF.inspect(_with(STILL, gif_blocks.extension(APPLICATION, b"NETSCAPE2.0", b"\1\0\0")))
    assert (info.frames, info.durations, info.loop, info.alpha) == (1, (), None, False)


def test_inspect_sees_transparency() -> None:
    assert GIF.inspect(encode(graphic(alpha=True), "GIF")).alpha


def test_a_frame_larger_than_the_screen_is_shown_whole() -> None:
    gif = gif_blocks.parse(STILL)
    small = gif_blocks.Screen(gif.screen.head[:6] + bytes(4) + gif.screen.head[10:], 0, 0, gif.screen.palette)
    data = bytes(gif_blocks.Gif(small, gif.blocks))
    assert GIF.inspect(data).displayed_size == decode(data).size == (160, 120)


async def test_cleaning_takes_what_no_picture_needs(tools: Toolbox) -> None:
    text = gif_blocks.extension(PLAIN_TEXT, bytes(12), b"hello")
    cleaned = await GIF.clean(_with(ANIMATION, *EXTRAS, text) + b"tail", Metadata.SAFE, tools)
    assert cleaned.removed == ("comment", "xmp", "other", "text")
    assert cleaned.data == _with(ANIMATION, EXTRAS[2])
    assert (await GIF.clean(cleaned.data, Metadata.SAFE, tools)).removed == ()


async def test_all_changes_nothing(tools: Toolbox) -> None:
    data = _with(ANIMATION, *EXTRAS)
    assert (await GIF.clean(data, Metadata.ALL, tools)).data == data


@pytest.mark.parametrize("effort", list(Effort))
async def test_lossy_keeps_frames_time_and_looks(tools: Toolbox, effort: Effort) -> None:
    (lossy,) = await _candidates(ANIMATION, Policy(effort=effort), tools)
    assert (lossy.lossless, lossy.dial) == (False, full_lossiness(80))
    assert len(lossy.data) < 0.95 * len(ANIMATION)
    assert GIF.inspect(lossy.data) == GIF.inspect(ANIMATION)
    assert difference(decode(lossy.data), decode(ANIMATION)) < 2


async def test_lossless_keeps_every_pixel(tools: Toolbox) -> None:
    (same,) = await _candidates(ANIMATION, Policy(lossless=True), tools)
    assert same.lossless
    assert GIF.inspect(same.data) == GIF.inspect(ANIMATION)
    assert _pixels(same.data) == _pixels(ANIMATION)


@pytest.mark.parametrize("lossless", [True, False])
async def test_equal_frames_are_not_merged(tools: Toolbox, lossless: bool) -> None:
    source = _equal_frames(0, 1, 7, 65535)
    (found,) = await _candidates(source, Policy(lossless=lossless), tools)
    assert GIF.inspect(found.data).durations == (0, 10, 70, 655350)
    assert len(found.data) < 0.5 * len(source)


async def test_cleared_and_restored_frames_look_the_same(tools: Toolbox) -> None:
    pictures = [graphic(80, 60, alpha=True).rotate(step) for step in (0, 30, 60)]
    for disposal in (2, 3):
        source = _animate(pictures, duration=40, disposal=disposal)
        (same,) = await _candidates(source, Policy(lossless=True), tools)
        assert _pixels(same.data) == _pixels(source)


async def test_what_the_cleaning_left_is_carried_over(tools: Toolbox) -> None:
    for lossless in (True, False):
        (found,) = await _candidates(_with(ANIMATION, *EXTRAS), Policy(lossless=lossless), tools)
        blocks = gif_blocks.parse(found.data).blocks
        assert blocks[:4] == EXTRAS
        others = [b for b in blocks[4:] if isinstance(b, Extension) and b.label != GRAPHIC_CONTROL]
        assert [block.is_loop for block in others] == [True]


async def test_text_frames_are_left_alone(tools: Toolbox) -> None:
    text = gif_blocks.extension(PLAIN_TEXT, bytes(12), b"hello")
    assert await _candidates(_with(ANIMATION, text), Policy(metadata=Metadata.ALL), tools) == []


async def test_few_colours_are_never_bent(tools: Toolbox) -> None:
    source = encode(_drawing().convert("RGB").quantize(16), "GIF")
    assert all(candidate.lossless for candidate in await _candidates(source, Policy(quality=30), tools))


async def test_noise_is_bent_less(tools: Toolbox) -> None:
    (noisy,) = await _candidates(encode(_film(), "GIF"), Policy(), tools)
    assert noisy.dial is not None and 0 < noisy.dial < full_lossiness(80)


async def test_noisy_film_keeps_a_better_first_frame(tools: Toolbox) -> None:
    source = _animate([_film(step) for step in range(3)], duration=40)
    policy = Policy(quality=60)
    (lossy,) = await _candidates(source, policy, tools)
    (poster,) = await _candidates(bytes(gif_blocks.first_frame(gif_blocks.parse(source))), policy, tools)
    assert GIF.inspect(lossy.data) == GIF.inspect(source)
    assert decode(lossy.data).convert("RGB").tobytes() == decode(poster.data).convert("RGB").tobytes()
    assert len(lossy.data) < 0.8 * len(source)


@pytest.mark.parametrize(("noisy", "quality"), [(False, 40), (False, 80), (False, 95), (True, 40), (True, 80)])
async def test_own_output_is_not_bent_again(tools: Toolbox, noisy: bool, quality: int) -> None:
    source = encode(_film(), "GIF") if noisy else ANIMATION
    (lossy,) = await _candidates(source, Policy(quality=quality), tools)
    assert not lossy.lossless
    assert all(again.lossless for again in await _candidates(lossy.data, Policy(quality=quality), tools))


async def test_strangers_lossy_files_are_not_bent_again(tools: Toolbox) -> None:
    bent = await tools.run("gifsicle", "-O2", "--lossy=300", stdin=encode(_film(), "GIF"))
    assert bent
    tools.uses.clear()
    assert all(candidate.lossless for candidate in await _candidates(bent, Policy(), tools))
    assert [use.tool for use in tools.uses] == ["colour_changes", "gifsicle"]


async def test_full_quality_is_lossless(tools: Toolbox) -> None:
    assert all(candidate.lossless for candidate in await _candidates(ANIMATION, Policy(quality=100), tools))


def test_colour_changes() -> None:
    stripes = Image.frombytes("P", (5, 2), bytes([0, 1, 1, 0, 0] * 2))
    stripes.putpalette([10, 20, 30, 200, 100, 0])
    assert colour_changes(encode(stripes, "GIF", optimize=False)) == 0.5
    assert colour_changes(encode(stripes.crop((0, 0, 1, 2)), "GIF")) == 0


@pytest.mark.parametrize("data", [b"", b"GIF89a", STILL[:100], ANIMATION[: len(ANIMATION) // 2]])
def test_broken_files_are_refused(data: bytes) -> None:
    with pytest.raises(UnprocessableImage):
        GIF.inspect(data)


def test_a_picture_without_size_is_refused() -> None:
    data = b"GIF89a" + bytes(7) + b"," + bytes(9) + b"\2\0;"
    with pytest.raises(UnprocessableImage):
        GIF.inspect(data)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1500), st.binary(min_size=1, max_size=6))
def test_inspect_is_total(at: int, noise: bytes) -> None:
    try:
        info = GIF.inspect(ANIMATION[:at] + noise + ANIMATION[at + len(noise) :])
    except UnprocessableImage:
        return
    assert info.width > 0 and info.height > 0
