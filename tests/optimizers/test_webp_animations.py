"""Animated WebP from the frames of other formats: every frame, its time and how often all of it plays."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.policy import Effort, Policy
from optimizers.webp import Webp
from optimizers.webp_animations import retimed
from tests.helpers import decode, difference, encode, graphic
from utils import riff
from utils.riff import Chunk
from utils.webp_chunks import FORM, parse

WEBP = Webp()
TO_WEBP = Policy(targets=("webp",), named=True)


def film(*, alpha: bool = False, still: bool = False) -> list[Image.Image]:
    """A drawing that moves over its ground; with `still`, each frame is there three times."""
    ground = graphic(120, 90, alpha=alpha)
    frames = []
    for step in range(4):
        frame = ground.copy()
        frame.paste((20, 160, 60), (10 + 20 * step, 30, 30 + 20 * step, 50))
        frames += [frame] * (3 if still else 1)
    return frames


def gif(frames: list[Image.Image], durations: list[int], **options: object) -> bytes:
    out = io.BytesIO()
    first, *rest = (frame.convert("RGBA").quantize(64, dither=Image.Dither.NONE) for frame in frames)
    first.save(out, "GIF", save_all=True, append_images=rest, duration=durations, disposal=2, **options)
    return out.getvalue()


def shown(data: bytes) -> list[Image.Image]:
    return [frame.convert("RGBA").copy() for frame in ImageSequence.Iterator(Image.open(io.BytesIO(data)))]


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("policy", [TO_WEBP, Policy(targets=("webp",), lossless=True)], ids=["lossy", "lossless"])
async def test_a_gif_keeps_frames_times_and_plays(alpha: bool, policy: Policy, engine: Engine) -> None:
    source = gif(film(alpha=alpha), [40, 500, 0, 130], loop=2)
    outcome = await engine.run(Source(source), policy)
    info = WEBP.inspect(outcome.data)
    assert (info.frames, info.durations, info.loop) == (4, (40, 500, 0, 130), 3)
    assert outcome.before.durations == info.durations and len(outcome.data) < len(source)
    for before, after in zip(shown(source), shown(outcome.data), strict=True):
        assert difference(before.convert("RGBa").convert("RGBA"), after.convert("RGBa").convert("RGBA")) < 3


@pytest.mark.parametrize(("options", "plays"), [({}, 1), ({"loop": 0}, 0), ({"loop": 5}, 6)])
async def test_it_plays_as_often_as_viewers_play_a_gif(options: dict[str, int], plays: int, engine: Engine) -> None:
    outcome = await engine.run(Source(gif(film(), [50] * 4, **options)), TO_WEBP)
    assert WEBP.inspect(outcome.data).loop == plays


async def test_lossless_keeps_every_pixel(engine: Engine) -> None:
    source = gif(film(), [50] * 4)
    outcome = await engine.run(Source(source), Policy(targets=("webp",), lossless=True))
    assert all(difference(a, b) == 0 for a, b in zip(shown(source), shown(outcome.data), strict=True))


def test_equal_frames_are_put_back() -> None:
    frames = film(alpha=True, still=True)
    times = [10 * (index + 3) for index in range(12)]
    merged = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=times, lossless=True)
    chunks = parse(merged).chunks
    assert len(WEBP.inspect(merged).durations) == 4
    split = retimed(chunks, times)
    assert split is not None
    data = riff.build(FORM, split)
    assert WEBP.inspect(data).durations == tuple(times)
    expected = [frame for frame in shown(merged) for _ in range(3)]
    assert [difference(a, b) for a, b in zip(shown(data), expected, strict=True)] == [0] * 12


def test_times_that_do_not_add_up_are_none() -> None:
    merged = encode(film()[0], "WEBP", save_all=True, append_images=film()[1:], duration=[50] * 4, lossless=True)
    chunks = parse(merged).chunks
    assert retimed(chunks, [50, 50, 50, 50]) == list(chunks)
    assert retimed(chunks, [50, 50, 50]) is None
    assert retimed(chunks, [50, 60, 40, 50]) is None
    assert retimed(chunks, [50, 50, 50, 50, 10]) is None


def test_a_disposed_frame_is_disposed_of_after_its_last_copy() -> None:
    frames = film(alpha=True)
    data = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=[90] * 4, lossless=True)
    disposing = [
        Chunk(c.name, c.data[:15] + bytes([c.data[15] | 1]) + c.data[16:]) if c.name == b"ANMF" else c
        for c in parse(data).chunks
    ]
    split = retimed(disposing, [30] * 12)
    assert split is not None
    flags = [chunk.data[15] & 1 for chunk in split if chunk.name == b"ANMF"]
    assert flags == [0, 0, 1] * 4
    once, thrice = shown(riff.build(FORM, disposing)), shown(riff.build(FORM, split))
    assert [difference(a, b) for a, b in zip(thrice[::3], once, strict=True)] == [0] * 4
    assert [difference(a, b) for a, b in zip(thrice[2::3], once, strict=True)] == [0] * 4


async def test_a_fast_film_has_one_way_and_others_the_lossless_one_first(engine: Engine) -> None:
    source = Source(gif(film(), [50] * 4))
    for effort, ways in ((Effort.FAST, 1), (Effort.BALANCED, 2)):
        outcome = await engine.run(source, Policy(targets=("webp",), effort=effort))
        assert len(outcome.attempts) == ways


async def test_a_film_of_noise_is_worth_a_loss(engine: Engine) -> None:
    rng = np.random.default_rng(1)
    frames = [Image.fromarray(rng.integers(0, 255, (60, 80, 3), dtype="uint8")) for _ in range(3)]
    source = encode(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=70)
    outcome = await engine.run(Source(source), TO_WEBP)
    assert outcome.quality == 80 and len(outcome.data) < 0.5 * len(source)
    assert decode(outcome.data).size == (80, 60)
