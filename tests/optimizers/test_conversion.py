"""Pictures in another format: upright, with their colours, transparency and motion where the target has them."""

import pytest
from PIL import Image

from exceptions import ImageLimitExceeded, InvalidOptions, UnprocessableImage
from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.outcome import Outcome, Reason
from optimizers.policy import ORIGINAL, Policy
from optimizers.samples import still
from tests.helpers import decode, difference, encode, photo

PHOTO = encode(photo(), "PNG")


async def convert(engine: Engine, data: bytes, *targets: str, **wishes: object) -> Outcome:
    return await engine.run(Source(data), Policy(targets=targets, named=True, **wishes))  # type: ignore[arg-type]


@pytest.mark.parametrize("target", ["jpeg", "gif"])
async def test_a_photograph_in_another_format_looks_the_same(engine: Engine, target: str) -> None:
    outcome = await convert(engine, PHOTO, target)
    assert (outcome.spec.name, outcome.made.name, outcome.reason) == ("png", target, Reason.OPTIMIZED)
    assert difference(decode(outcome.data).convert("RGB"), photo()) < 8


async def test_transparency_is_laid_on_white_where_there_is_none(engine: Engine) -> None:
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    outcome = await convert(engine, encode(clear, "PNG"), "jpeg")
    assert decode(outcome.data).convert("RGB").getpixel((30, 30)) == (255, 255, 255)


async def test_half_seen_pixels_mix_as_light_does(engine: Engine) -> None:
    veil = Image.new("RGBA", (64, 64), (0, 0, 0, 128))
    outcome = await convert(engine, encode(veil, "PNG"), "jpeg", quality=100)
    red = decode(outcome.data).convert("RGB").getpixel((30, 30))[0]
    assert 185 <= red <= 190  # half the light of white is 188, not 128


@pytest.mark.parametrize("file", ["JPEG", "TIFF"])
@pytest.mark.parametrize("orientation", range(2, 9))
async def test_the_picture_is_upright_without_its_tag(engine: Engine, orientation: int, file: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    drawn = Image.new("RGB", (48, 32), "white")
    drawn.paste("red", (0, 0, 16, 16))
    source = encode(drawn, file, quality=95, exif=exif)
    outcome = await convert(engine, source, "gif")
    shown = decode(outcome.data).convert("RGB")
    corner = {2: (40, 5), 3: (40, 28), 4: (5, 28), 5: (5, 5), 6: (28, 5), 7: (28, 40), 8: (5, 40)}[orientation]
    assert shown.size == ((48, 32) if orientation < 5 else (32, 48))
    assert shown.getpixel(corner)[1] < 100  # type: ignore[index]


async def test_a_film_keeps_its_frames_and_times_in_a_format_that_moves(engine: Engine) -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "green", "blue")]
    film = encode(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=[120, 70, 300], loop=2)
    outcome = await convert(engine, film, "gif")
    shown = decode(outcome.data)
    assert shown.n_frames == 3
    assert [shown.seek(at) or shown.info["duration"] for at in range(3)] == [120, 70, 300]


async def test_a_named_format_is_obeyed_even_when_larger(engine: Engine) -> None:
    tiny = encode(Image.new("P", (400, 400), 3), "PNG")
    outcome = await convert(engine, tiny, "jpeg")
    assert outcome.made.name == "jpeg" and len(outcome.data) > len(tiny) and outcome.reduction_percent < 0


async def test_an_icon_with_hard_colours_becomes_a_jpeg(engine: Engine) -> None:
    icon = still("PNG")
    assert (await convert(engine, icon, "jpeg")).made.name == "jpeg"


async def test_a_free_choice_never_takes_a_larger_file(engine: Engine) -> None:
    tiny = encode(Image.new("P", (400, 400), 3), "PNG")
    outcome = await convert(engine, tiny, ORIGINAL, "jpeg")
    assert outcome.made.name == "png" and len(outcome.data) <= len(tiny)


async def test_a_free_choice_keeps_transparency(engine: Engine) -> None:
    veil = photo().convert("RGBA")
    veil.putalpha(128)
    outcome = await convert(engine, encode(veil, "PNG"), ORIGINAL, "jpeg")
    assert outcome.made.name == "png"


async def test_a_free_choice_takes_what_is_smaller(engine: Engine) -> None:
    outcome = await convert(engine, PHOTO, ORIGINAL, "jpeg")
    assert outcome.made.name == "jpeg" and len(outcome.data) < len(PHOTO)


async def test_without_loss_a_lossy_format_is_refused(engine: Engine) -> None:
    with pytest.raises(InvalidOptions, match="without loss"):
        await convert(engine, PHOTO, "jpeg", lossless=True)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><path d="M0 0h90v60z" fill="#f00"/></svg>'


@pytest.mark.parametrize(("target", "background"), [("gif", (0, 0, 0, 0)), ("jpeg", (255, 255, 255, 255))])
async def test_a_drawing_becomes_pixels_of_its_own_size(
    engine: Engine, target: str, background: tuple[int, ...]
) -> None:
    outcome = await convert(engine, SVG, target)
    seen = decode(outcome.data).convert("RGBA").convert("RGBa")
    assert (outcome.made.name, seen.size) == (target, (90, 60))
    red, ground = seen.crop((60, 5, 85, 15)), seen.crop((5, 40, 30, 55))
    assert difference(red, Image.new("RGBa", red.size, (255, 0, 0, 255))) < 4
    assert difference(ground, Image.new("RGBa", ground.size, background)) < 4


async def test_a_drawing_stays_one_where_it_may(engine: Engine) -> None:
    assert (await convert(engine, SVG, ORIGINAL, "webp")).made.name == "svg"


async def test_a_drawing_of_too_many_pixels_is_not_converted(engine: Engine) -> None:
    vast = SVG.replace(b'"90"', b'"99999999"')
    with pytest.raises(ImageLimitExceeded):
        await convert(engine, vast, "png")
    assert (await convert(engine, vast, ORIGINAL, "png")).made.name == "svg"


@pytest.mark.parametrize("goal", [70.0, 90.0])
async def test_a_conversion_reaches_its_score(engine: Engine, goal: float) -> None:
    outcome = await convert(engine, PHOTO, "jpeg", auto=True, min_score=goal)
    assert outcome.score is not None and goal <= outcome.score < goal + 7


async def test_a_score_that_cannot_be_reached_is_said(engine: Engine) -> None:
    noise = Image.effect_noise((128, 128), 120).convert("RGB")
    outcome = await convert(engine, encode(noise, "PNG"), "gif", auto=True, min_score=99)
    assert outcome.reason is Reason.SCORE_UNREACHABLE or (outcome.score or 0) >= 99


async def test_a_budget_holds_for_a_conversion(engine: Engine) -> None:
    outcome = await convert(engine, PHOTO, "jpeg", max_bytes=3000)
    assert len(outcome.data) <= 3000 or outcome.reason is Reason.BUDGET_UNREACHABLE


async def test_a_conversion_that_its_encoder_doubts_is_looked_at(engine: Engine) -> None:
    noise = Image.effect_noise((192, 192), 60).convert("RGB")
    outcome = await convert(engine, encode(noise, "PNG"), "jpeg", quality=5)
    assert outcome.score is not None and outcome.score >= 60
    assert any("under 60" in attempt.verdict for attempt in outcome.attempts)


@pytest.mark.parametrize("wishes", [{}, {"auto": True}])
async def test_half_a_photograph_is_no_other_picture(engine: Engine, wishes: dict[str, bool]) -> None:
    jpeg = encode(photo(), "JPEG", quality=95)
    with pytest.raises(UnprocessableImage):
        await convert(engine, jpeg[: len(jpeg) // 2], "webp", **wishes)
