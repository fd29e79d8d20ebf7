"""Lossy PNG: which ways of writing compete, what their dials mean, what is carried over."""

import zlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from optimizers.base import Candidate, Encoder, Pixels
from optimizers.engine import Engine, Source
from optimizers.png import Apng, Png
from optimizers.png_pixels import posterize, traits
from optimizers.png_recipes import Palette, Picture, Posterized, colours, picture_of
from optimizers.policy import Effort, Policy
from optimizers.toolbox import Toolbox
from tests.helpers import decode, difference, encode, graphic, photo
from utils.png_chunks import Chunk, first, join, split

PHOTO = encode(photo(), "PNG")
GRAPHIC = encode(graphic(), "PNG")
SOFT = encode(ImageOps.expand(graphic().filter(ImageFilter.GaussianBlur(12)), 120, "white"), "PNG")
"""Shades on a flat ground."""


def faint_texture() -> bytes:
    """A drawing on a ground of faint noise, which a few more colours resolve."""
    rng = np.random.default_rng(1)
    picture_ = 40 + np.zeros((200, 300, 3), int) + rng.integers(-6, 7, (200, 300, 1))
    for left in range(10, 130, 30):
        picture_[20:60, left : left + 20] = rng.integers(0, 256, 3)
    return encode(Image.fromarray(picture_.astype("uint8")), "PNG")


INDEXED = encode(photo().quantize(256), "PNG")
AUTO = Policy(auto=True, quality=80)


async def picture(data: bytes, tools: Toolbox, effort: Effort = Effort.BALANCED) -> Picture:
    made = await picture_of(split(data)[0], {"level": 1}, effort, tools)
    assert made is not None
    return made


async def recoders(data: bytes, tools: Toolbox, policy: Policy = AUTO) -> Sequence[Encoder]:
    return await Png().recoders(data, Png().inspect(data), policy, tools)


async def made_by(encoder: Encoder, quality: int) -> Candidate:
    candidate = await encoder.encode(quality)
    assert candidate is not None
    return candidate


def shown(data: bytes) -> Image.Image:
    """The picture with nothing in its colours that cannot be seen."""
    return decode(data).convert("RGBA").convert("RGBa")


def levels(data: bytes) -> int:
    return max(len(set(channel.tobytes())) for channel in decode(data).convert("RGB").split())


# what a picture is like


def test_photographs_are_soft_and_busy_and_drawings_neither() -> None:
    seen = {name: traits(data) for name, data in {"photo": PHOTO, "graphic": GRAPHIC, "soft": SOFT}.items()}
    assert seen["photo"]["soft"] > 0.6 and seen["photo"]["busy"] > 0.9
    assert seen["graphic"]["soft"] < 0.1 and seen["graphic"]["busy"] < 0.1
    assert seen["soft"]["soft"] > 0.9
    assert seen["soft"]["busy"] < 0.2
    assert seen["graphic"]["levels"] == 4


def test_a_picture_without_any_step_is_read() -> None:
    assert traits(encode(Image.new("RGB", (1, 1)), "PNG")) == {"busy": 0, "soft": 0, "levels": 1, "even": 0}


# fewer levels


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("count", [2, 10, 26, 105])
def test_posterizing_keeps_that_many_even_levels_and_the_ends(mode: str, count: int) -> None:
    ramp = Image.linear_gradient("L").convert(mode)
    made = decode(posterize(encode(ramp, "PNG"), count))
    assert made.mode == mode
    shades = sorted(set(made.getchannel(0).tobytes()))
    assert (len(shades), shades[0], shades[-1]) == (count, 0, 255)


def test_posterizing_keeps_what_a_key_colour_hides() -> None:
    made = decode(posterize(encode(graphic(), "PNG", transparency=(255, 255, 255)), 20)).convert("RGBA")
    before = decode(encode(graphic(), "PNG", transparency=(255, 255, 255))).convert("RGBA")
    assert made.getchannel("A").tobytes() == before.getchannel("A").tobytes()


# dials


@pytest.mark.parametrize("data", [PHOTO, GRAPHIC])
async def test_dials_rise_with_quality(tools: Toolbox, data: bytes) -> None:
    seen = await picture(data, tools)
    for recipe in (Palette(), Posterized()):
        dials = [recipe.dial(seen, quality) for quality in range(1, 101)]
        assert dials == sorted(dials) and dials[0] < dials[40] < dials[80] < dials[99]


async def test_soft_pictures_get_more_of_pngquant_than_hard_ones(tools: Toolbox) -> None:
    soft, hard = await picture(SOFT, tools), await picture(GRAPHIC, tools)
    assert (Palette().dial(soft, 80), Palette().dial(hard, 80)) == (83, 68)


async def test_a_posterized_file_is_not_worth_a_second_loss(tools: Toolbox) -> None:
    seen = await picture(PHOTO, tools)
    highest = Posterized().highest
    assert highest(seen) == 100
    once = await Posterized().write(seen, 80, tools)
    assert once is not None
    assert 0 < highest(await picture(once, tools)) < 76
    assert highest(replace(seen, levels=2)) == 0


# what competes


@pytest.mark.parametrize(
    ("data", "effort", "methods"),
    [
        (PHOTO, Effort.FAST, ["pngquant", "posterize"]),
        (PHOTO, Effort.BALANCED, ["pngquant", "posterize"]),
        (PHOTO, Effort.BEST, ["pngquant", "pngquant", "pngquant", "posterize"]),
        (GRAPHIC, Effort.FAST, ["pngquant"]),
        (GRAPHIC, Effort.BALANCED, ["pngquant"]),
        (GRAPHIC, Effort.BEST, ["pngquant", "pngquant", "pngquant"]),
        (SOFT, Effort.FAST, ["pngquant"]),
        (SOFT, Effort.BALANCED, ["pngquant", "posterize"]),
        (INDEXED, Effort.BALANCED, ["pngquant"]),
    ],
)
async def test_effort_and_picture_decide_who_competes(
    tools: Toolbox, data: bytes, effort: Effort, methods: list[str]
) -> None:
    found = await recoders(data, tools, replace(AUTO, effort=effort))
    assert [encoder.method.removesuffix("+oxipng") for encoder in found] == methods
    assert all(encoder.probe is None for encoder in found)


@pytest.mark.parametrize("kind", ["1", "I;16"])
async def test_few_shades_and_measurements_are_not_searched(tools: Toolbox, kind: str) -> None:
    assert await recoders(encode(photo().convert("L").convert(kind), "PNG"), tools) == ()


async def test_animations_are_not_searched(tools: Toolbox) -> None:
    moving = encode(photo(40, 30), "PNG", save_all=True, append_images=[graphic(40, 30)])
    assert await Apng().recoders(moving, Apng().inspect(moving), AUTO, tools) == ()


async def test_dithering_of_different_strength_gives_different_files(tools: Toolbox) -> None:
    plain, half, whole, _ = await recoders(PHOTO, tools, replace(AUTO, effort=Effort.BEST))
    assert len({(await made_by(encoder, 40)).data for encoder in (plain, half, whole)}) == 3


async def test_a_full_palette_ends_the_search_upwards(tools: Toolbox) -> None:
    palette = (await recoders(PHOTO, tools))[0]
    full = await made_by(palette, 80)
    assert colours(split(full.data)[0]) == 256
    used = len(tools.uses)
    assert await palette.encode(82) is None
    assert len(tools.uses) == used
    assert (await made_by(palette, 30)).quality == 30


async def test_neighbouring_qualities_share_a_dial(tools: Toolbox) -> None:
    *_, posterized = await recoders(PHOTO, tools)
    assert posterized.dial is not None and posterized.dial(83) == posterized.dial(84)
    one, other = await made_by(posterized, 83), await made_by(posterized, 84)
    assert (one.data, one.dial, one.quality, other.quality) == (other.data, other.dial, 83, 84)


async def test_what_was_chosen_is_packed_at_the_end(tools: Toolbox) -> None:
    for encoder in await recoders(PHOTO, tools):
        assert encoder.finish is not None
        draft = await made_by(encoder, 60)
        packed = await encoder.finish(draft)
        assert packed is not None and len(packed.data) < len(draft.data)
        assert decode(packed.data).convert("RGB").tobytes() == decode(draft.data).convert("RGB").tobytes()


async def test_more_quality_is_more_bytes_and_nearer(tools: Toolbox) -> None:
    *_, posterized = await recoders(PHOTO, tools)
    low, high = await made_by(posterized, 50), await made_by(posterized, 95)
    assert len(low.data) < len(high.data) < len(PHOTO)
    before = decode(PHOTO)
    assert difference(decode(low.data), before) > 2 * difference(decode(high.data), before)
    assert not low.lossless


async def test_searched_files_keep_what_is_beside_the_samples(tools: Toolbox) -> None:
    chunks, _ = split(PHOTO)
    extra = [Chunk(b"iCCP", b"name\0\0" + zlib.compress(b"profile" * 40)), Chunk(b"tEXt", b"Copyright\0Ada")]
    for encoder in await recoders(join([chunks[0], *extra, *chunks[1:]]), tools):
        written, _ = split((await made_by(encoder, 70)).data)
        assert [chunk for chunk in written if chunk in extra] == extra


# fixed quality


async def fixed(data: bytes, tools: Toolbox, quality: int) -> list[Candidate]:
    return [c async for c in Png().optimize(data, Png().inspect(data), Policy(quality=quality), tools)]


async def test_a_photograph_past_256_colours_gets_fewer_levels(tools: Toolbox) -> None:
    few, many = (await fixed(PHOTO, tools, 60))[0], (await fixed(PHOTO, tools, 94))[0]
    assert (few.method, many.method) == ("pngquant+oxipng", "posterize+oxipng")
    assert levels(many.data) <= 43


async def test_few_soft_colours_are_dithered_where_that_saves_a_quarter(tools: Toolbox) -> None:
    seen = await picture(faint_texture(), tools)
    plain = await Palette().write(seen, 80, tools)
    chosen = (await fixed(faint_texture(), tools, 80))[0]
    assert plain is not None and len(chosen.data) < 0.75 * len(plain)
    assert chosen.dial == Palette().dial(seen, 80) - 4


async def test_a_second_palette_is_tried_of_few_soft_colours_only(tools: Toolbox) -> None:
    for data, effort, times in [(SOFT, Effort.BALANCED, 2), (SOFT, Effort.FAST, 1), (GRAPHIC, Effort.BALANCED, 1)]:
        before = len(tools.uses)
        async for _ in Png().optimize(data, Png().inspect(data), Policy(quality=20, effort=effort), tools):
            pass
        assert [use.tool for use in tools.uses[before:]].count("pngquant") == times


async def test_doubt_is_said_where_shades_meet_too_few_colours(tools: Toolbox) -> None:
    assert (await fixed(SOFT, tools, 1))[0].doubtful
    assert not (await fixed(GRAPHIC, tools, 80))[0].doubtful


async def test_an_indexed_file_loses_colours_only_where_half_will_do(tools: Toolbox) -> None:
    few = (await fixed(INDEXED, tools, 30))[0]
    assert 2 * colours(split(few.data)[0]) <= 256
    assert [candidate.lossless for candidate in await fixed(INDEXED, tools, 94)] == [True]


# a target of conversions


async def written(pixels: Pixels, policy: Policy, tools: Toolbox) -> list[Candidate]:
    found = await Png().encoders(pixels, policy, tools)
    return [await made_by(encoder, policy.quality) for encoder in found]


@pytest.mark.parametrize("alpha", [False, True])
async def test_pixels_are_written_exactly_and_with_loss(tools: Toolbox, alpha: bool) -> None:
    frame = encode(graphic(alpha=alpha), "PNG")
    pixels = Pixels((frame,), 160, 120, alpha, icc=b"profile" * 30, exif=b"MM\0*\0\0\0\x08\0\0\0\0\0\0")
    lossy, exact = await written(pixels, Policy(), tools)
    assert (lossy.lossless, exact.lossless) == (False, True)
    assert shown(exact.data).tobytes() == shown(frame).tobytes()
    for candidate in (lossy, exact):
        assert decode(candidate.data).info["icc_profile"] == pixels.icc
        assert first(split(candidate.data)[0], b"eXIf") == pixels.exif


async def test_lossless_wishes_get_lossless_writers_only(tools: Toolbox) -> None:
    found = await Png().encoders(Pixels((PHOTO,), 160, 120), Policy(lossless=True), tools)
    assert [encoder.lossless for encoder in found] == [True]


async def test_searches_get_every_writer(tools: Toolbox) -> None:
    found = await Png().encoders(Pixels((PHOTO,), 160, 120), AUTO, tools)
    assert [encoder.lossless for encoder in found] == [False, False, True]


# through the engine


@pytest.mark.parametrize("goal", [70, 90])
async def test_auto_reaches_the_score_in_fewer_bytes_than_packing_alone(engine: Engine, goal: int) -> None:
    outcome = await engine.run(Source(PHOTO), Policy(auto=True, min_score=goal))
    packed = await engine.run(Source(PHOTO), Policy(lossless=True))
    assert outcome.score is not None and outcome.score >= goal
    assert len(outcome.data) < 0.9 * len(packed.data)


async def test_auto_twice_changes_nothing(engine: Engine) -> None:
    policy = Policy(auto=True)
    once = await engine.run(Source(PHOTO), policy)
    assert len((await engine.run(Source(once.data), policy)).data) == len(once.data)


async def test_another_format_becomes_a_png(engine: Engine) -> None:
    outcome = await engine.run(Source(encode(graphic(), "BMP")), Policy(targets=("png",), named=True))
    assert outcome.made.name == "png" and Png().sniff(outcome.data)
