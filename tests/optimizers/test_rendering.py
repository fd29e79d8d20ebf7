"""The engine's second verb: another size, a ground, chosen facts."""

import io
from dataclasses import replace

import pytest
from PIL import Image

from exceptions import ImageLimitExceeded, InvalidOptions
from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.fit import Fit
from optimizers.policy import Metadata, Policy
from optimizers.rendering import Rendition
from tests.conftest import LIMITS
from tests.helpers import decode, difference, encode, graphic, photo
from utils.exif_facts import Fact

POLICY = Policy(named=True)


def turned_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x8298] = 6, "(c) Ada"
    exif.get_ifd(0x8769)[0x9003] = "2026:11:20 10:11:12"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 15.0), 3: "E", 4: (13.0, 24.0, 36.0)})
    return exif.tobytes()


JPEG = encode(photo(), "JPEG", quality=95, exif=turned_exif())


async def test_a_picture_gets_smaller_and_upright(engine: Engine) -> None:
    outcome = await engine.render(Source(JPEG), Rendition(60, 60), POLICY)
    shown = decode(outcome.data)
    assert shown.size == outcome.before.displayed_size == (45, 60)
    assert outcome.made.name == "jpeg"
    upright = photo().transpose(Image.Transpose.ROTATE_270)
    assert difference(shown, upright.resize((45, 60), Image.Resampling.LANCZOS)) < 8
    assert shown.getexif().get(0x0112, 1) == 1


async def test_its_own_format_is_kept_where_none_is_named(engine: Engine) -> None:
    picture = encode(graphic(alpha=True), "PNG")
    outcome = await engine.render(Source(picture), Rendition(80, 80, Fit.COVER), POLICY)
    shown = decode(outcome.data)
    assert (shown.format, shown.size) == ("PNG", (80, 80))
    assert shown.has_transparency_data


async def test_a_ground_is_filled_even_where_none_is_needed(engine: Engine) -> None:
    picture = encode(graphic(alpha=True), "PNG")
    outcome = await engine.render(Source(picture), Rendition(background=(255, 0, 0)), POLICY)
    shown = decode(outcome.data).convert("RGBA")
    assert shown.size == (160, 120) and shown.getpixel((2, 2)) == (255, 0, 0, 255)


async def test_several_targets_compete(engine: Engine) -> None:
    policy = replace(POLICY, targets=("webp", "png"))
    outcome = await engine.render(Source(encode(photo(), "PNG")), Rendition(width=80), policy)
    assert (outcome.made.name, decode(outcome.data).size) == ("webp", (80, 60))


@pytest.mark.parametrize("facts", [set(), {Fact.CREATION}, {Fact.LOCATION, Fact.COPYRIGHT}, set(Fact)])
async def test_chosen_facts_stay(engine: Engine, facts: set[Fact]) -> None:
    policy = replace(POLICY, metadata=Metadata.ALL)
    outcome = await engine.render(Source(JPEG), Rendition(facts=frozenset(facts)), policy)
    with Image.open(io.BytesIO(outcome.data)) as image:
        exif = image.getexif()
        found = {0x8298: exif.get(0x8298), 0x9003: exif.get_ifd(0x8769).get(0x9003), 2: exif.get_ifd(0x8825).get(2)}
    expected = {
        0x8298: (Fact.COPYRIGHT, "(c) Ada"),
        0x9003: (Fact.CREATION, "2026:11:20 10:11:12"),
        2: (Fact.LOCATION, (52.0, 30.0, 15.0)),
    }
    assert found == {tag: value if fact in facts else None for tag, (fact, value) in expected.items()}


async def test_a_coarse_source_is_not_written_finer(engine: Engine) -> None:
    coarse = encode(photo(), "JPEG", quality=30)
    outcome = await engine.render(Source(coarse), Rendition(facts=frozenset()), POLICY)
    assert len(outcome.data) <= len(coarse)


async def test_refusals(engine: Engine) -> None:
    with pytest.raises(InvalidOptions, match="name a format"):
        await engine.render(Source(encode(graphic(), "BMP")), Rendition(width=10), POLICY)
    with pytest.raises(InvalidOptions, match="no pixels"):
        await engine.render(Source(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Rendition(width=10), POLICY)
    engine._limits = replace(LIMITS, pixels=100)
    with pytest.raises(ImageLimitExceeded):
        await engine.render(Source(JPEG), Rendition(width=10), POLICY)


async def test_a_film_is_resized_as_one(engine: Engine) -> None:
    frames = [photo(seed=seed) for seed in (1, 2, 3)]
    film = encode(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
    outcome = await engine.render(Source(film), Rendition(width=40), POLICY)
    shown = Image.open(io.BytesIO(outcome.data))
    assert (shown.format, shown.size, getattr(shown, "n_frames", 1)) == ("GIF", (40, 30), 3)


@pytest.mark.parametrize("size", [(1, 1), (9, 7), (20, 20), (33, 31)])
async def test_tiny_pictures_are_written_too(engine: Engine, size: tuple[int, int]) -> None:
    outcome = await engine.render(Source(JPEG), Rendition(*size, Fit.COVER), POLICY)
    assert decode(outcome.data).size == size
