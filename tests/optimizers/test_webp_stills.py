"""WebP stills: the ways of writing one, on Pare's scale, and what goes into the file beside the pixels."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from exceptions import InvalidOptions
from optimizers.base import Pixels, Source
from optimizers.engine import Engine
from optimizers.policy import Effort, Metadata, Policy
from optimizers.toolbox import Toolbox
from optimizers.webp import Webp
from optimizers.webp_dials import alpha_quality, dial_of, highest_quality, plain_dial, quality_for_dial
from optimizers.webp_stills import flatness
from tests.helpers import decode, difference, encode, graphic, photo

WEBP = Webp()
TO_WEBP = Policy(targets=("webp",), named=True)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def owned(orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x8298], exif[0x010F] = orientation, "Ada", "Camera"
    return exif.tobytes()


def given(image: Image.Image) -> Pixels:
    return Pixels((encode(image, "PNG"),), *image.size, alpha=image.mode == "RGBA")


async def ways(image: Image.Image, policy: Policy, tools: Toolbox) -> list[str]:
    return [encoder.method for encoder in await WEBP.encoders(given(image), policy, tools)]


@pytest.mark.parametrize("effort", list(Effort))
def test_dials_rise_and_reach_both_ends(effort: Effort) -> None:
    dials = [dial_of(quality, effort) for quality in range(1, 101)]
    assert dials == sorted(dials) and dials[0] <= 1 and dials[-1] == 100


def test_dials_are_undone() -> None:
    assert [quality_for_dial(plain_dial(quality)) for quality in (20, 40, 60, 80, 95)] == [20, 40, 60, 80, 95]


def test_transparency_is_never_softer_than_it_may_be() -> None:
    assert [alpha_quality(quality) for quality in (1, 80, 90, 100)] == [75, 75, 85, 100]


def test_a_lossless_source_may_be_written_at_any_quality_a_coarse_one_below_its_own() -> None:
    assert highest_quality(None) == 100
    assert 60 < highest_quality(plain_dial(80)) < 80
    assert highest_quality(0) == 0


def test_flatness_tells_drawings_from_photographs() -> None:
    drawn, taken = (flatness(encode(picture, "PNG"), "PNG") for picture in (graphic(400, 300), photo(400, 300)))
    assert drawn > 0.9 and taken < 0.2
    assert flatness(encode(photo(1, 5), "PNG"), "PNG") == 1.0


async def test_photographs_are_written_with_loss_drawings_in_every_way(tools: Toolbox) -> None:
    every = ["webp", "webp near-lossless", "webp lossless"]
    assert await ways(photo(400, 300), TO_WEBP, tools) == ["webp"]
    assert await ways(graphic(400, 300), TO_WEBP, tools) == every
    assert await ways(photo(40, 30), TO_WEBP, tools) == every
    assert await ways(photo(400, 300), Policy(lossless=True), tools) == ["webp", "webp lossless"]
    assert await ways(photo(400, 300), Policy(auto=True), tools) == ["webp", "webp near-lossless"]


async def test_a_drawing_is_smaller_without_loss(engine: Engine) -> None:
    source = encode(graphic(400, 300, alpha=True), "PNG", compress_level=1)
    outcome = await engine.run(Source(source), TO_WEBP)
    made = {attempt.method: attempt.size for attempt in outcome.attempts}
    assert len(outcome.data) == min(made.values()) and made["webp lossless"] < made["webp"]
    seen = [decode(data).convert("RGBa").convert("RGBA") for data in (outcome.data, source)]
    assert difference(*seen) < 2 and WEBP.inspect(outcome.data).alpha


async def test_profile_and_owner_go_along_upright(engine: Engine) -> None:
    source = encode(photo(), "JPEG", quality=95, icc_profile=ICC, exif=owned(6))
    outcome = await engine.run(Source(source), TO_WEBP)
    image = decode(outcome.data)
    assert outcome.made.name == "webp" and image.size == (120, 160) and image.info["icc_profile"] == ICC
    assert WEBP.inspect(outcome.data).orientation == 1 and b"Ada" in outcome.data and b"Camera" not in outcome.data
    assert difference(image, photo().transpose(Image.Transpose.ROTATE_270)) < 5
    bare = await engine.run(Source(source), Policy(targets=("webp",), metadata=Metadata.NONE))
    assert b"Ada" not in bare.data and decode(bare.data).info["icc_profile"] == ICC


async def test_without_loss_every_pixel_stays(engine: Engine) -> None:
    source = encode(photo(300, 300), "PNG")
    outcome = await engine.run(Source(source), Policy(targets=("webp",), lossless=True))
    assert difference(decode(outcome.data), decode(source)) == 0 and len(outcome.data) < len(source)


async def test_transparency_is_searched_in_two_ways(tools: Toolbox) -> None:
    image = graphic(400, 300, alpha=True)
    for policy, count in ((Policy(auto=True), 2), (Policy(auto=True, effort=Effort.FAST), 1), (Policy(), 1)):
        assert (await ways(image, policy, tools)).count("webp") == count
        data = encode(image, "WEBP", lossless=True)
        found = await WEBP.recoders(data, WEBP.inspect(data), policy, tools)
        assert [encoder.method for encoder in found].count("webp") == count


async def test_a_photograph_has_one_recoder_a_drawing_two_a_coarse_source_none(tools: Toolbox) -> None:
    async def recoders(image: Image.Image, **options: object) -> list[tuple[str, int, int]]:
        data = encode(image, "WEBP", **options)
        found = await WEBP.recoders(data, WEBP.inspect(data), Policy(), tools)
        return [(encoder.method, encoder.lowest, encoder.highest) for encoder in found]

    drawn = await recoders(graphic(400, 300), lossless=True)
    assert drawn == [("webp", 1, 100), ("webp near-lossless", 90, 100)]
    assert await recoders(photo(400, 300), lossless=True) == [("webp", 1, 100)]
    ((method, _, highest),) = await recoders(photo(400, 300), quality=90)
    assert method == "webp" and 75 < highest < 92
    assert await recoders(photo(400, 300), quality=0) == []


async def test_trials_on_a_part_are_bare_files(tools: Toolbox) -> None:
    data = encode(photo(200, 150), "WEBP", lossless=True, exif=owned())
    (encoder,) = [e for e in await WEBP.recoders(data, WEBP.inspect(data), Policy(auto=True), tools) if e.lowest == 1]
    assert encoder.probe is not None
    rough, fine = [await encoder.probe(encode(photo(64, 64), "PNG"), quality) for quality in (30, 90)]
    assert rough and fine and len(rough) < len(fine) and b"Ada" not in fine
    whole = await encoder.encode(80)
    assert whole and b"Ada" in whole.data and whole.quality == 80


async def test_hard_colours_and_transparent_rims_are_in_doubt(tools: Toolbox) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (120, 160, 3), dtype="uint8"))
    doubts = []
    glass = photo()
    glass.putalpha(Image.linear_gradient("L").resize(glass.size))
    for picture in (noise, photo(), glass):
        made = await (await WEBP.encoders(given(picture), TO_WEBP, tools))[0].encode(80)
        doubts.append(made and made.doubtful)
    assert doubts == [True, False, True]


async def test_a_tool_that_fails_is_no_candidate(tools: Toolbox) -> None:
    broken = Pixels((b"\x89PNG\r\n\x1a\n",), 10, 10)
    made = [await encoder.encode(80) for encoder in await WEBP.encoders(broken, Policy(lossless=True), tools)]
    assert set(made) == {None} and tools.last_error is not None


@pytest.mark.parametrize("alpha", [False, True])
async def test_a_score_beyond_lossy_is_reached_without_much_loss(alpha: bool, engine: Engine) -> None:
    picture = photo(300, 300)
    if alpha:
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    outcome = await engine.run(Source(encode(picture, "PNG")), Policy(auto=True, min_score=93, targets=("webp",)))
    assert outcome.method == "webp near-lossless" and (outcome.score or 0) >= 93 and outcome.reason == "optimized"
    assert {attempt.method for attempt in outcome.attempts} == {"webp", "webp near-lossless"}


async def test_jpeg_has_no_lossless_way_but_webp_has(engine: Engine) -> None:
    source = Source(encode(graphic(), "PNG"))
    with pytest.raises(InvalidOptions):
        await engine.run(source, Policy(targets=("jpeg",), lossless=True))
    assert (await engine.run(source, Policy(targets=("webp",), lossless=True))).quality is None
