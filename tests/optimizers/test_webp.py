"""WebP: cleaned by chunk, written anew only where it pays."""

import io
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from exceptions import UnprocessableImage
from optimizers import look
from optimizers.base import Candidate
from optimizers.policy import Effort, Metadata, Policy
from optimizers.toolbox import Toolbox
from optimizers.webp import Webp
from tests.helpers import decode, difference, encode, graphic, photo
from utils import riff
from utils.metadata import Exif, lean_exif, parse_exif
from utils.riff import Chunk
from utils.webp_chunks import FORM, assemble

WEBP = Webp()
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PHOTO = encode(photo(), "WEBP", quality=98)
GRAPHIC = encode(graphic(alpha=True), "WEBP", lossless=True)


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[0x8298], exif[0x010F] = 6, "Ada", "Camera"
    exif.get_ifd(0x8825)[1] = "N"
    return exif.tobytes()


def _tagged(data: bytes = PHOTO) -> bytes:
    chunks = riff.parse(data, FORM).chunks
    extras = [Chunk(b"ICCP", ICC), Chunk(b"EXIF", _exif()), Chunk(b"XMP ", b"<x/>"), Chunk(b"MINE", b"?")]
    return assemble([*chunks, *extras])


def _animation(lossless: bool, frames: int = 4) -> bytes:
    pictures = [photo(64, 48, seed) for seed in range(frames)]
    options = {"lossless": True} if lossless else {"quality": 98}
    durations = [40 * (index + 1) for index in range(frames)]
    return encode(pictures[0], "WEBP", save_all=True, append_images=pictures[1:], duration=durations, loop=3, **options)


async def _candidates(data: bytes, policy: Policy, tools: Toolbox) -> list[Candidate]:
    return [found async for found in WEBP.optimize(data, WEBP.inspect(data), policy, tools)]


def _names(data: bytes) -> list[bytes]:
    return [chunk.name for chunk in riff.parse(data, FORM).chunks]


def test_sniff() -> None:
    assert WEBP.sniff(PHOTO)
    assert not WEBP.sniff(b"RIFF\0\0\0\0WAVE")


@pytest.mark.parametrize("quality", [80, 85, 90, 95])
def test_source_quality_is_read(quality: int) -> None:
    read = WEBP.inspect(encode(photo(), "WEBP", quality=quality)).source_quality
    assert read is not None and abs(read - quality) <= 3


def test_inspect_still() -> None:
    info = WEBP.inspect(_tagged())
    assert (info.width, info.height, info.orientation, info.frames) == (160, 120, 6, 1)
    assert (info.durations, info.loop, info.alpha) == ((), None, False)
    drawn = WEBP.inspect(GRAPHIC)
    assert drawn.alpha and drawn.source_quality is None


def test_inspect_animation() -> None:
    info = WEBP.inspect(_animation(lossless=True))
    assert (info.width, info.height, info.frames) == (64, 48, 4)
    assert (info.durations, info.loop) == ((40, 80, 120, 160), 3)


async def test_safe_keeps_colour_orientation_and_copyright(tools: Toolbox) -> None:
    cleaned = await WEBP.clean(_tagged() + b"tail", Metadata.SAFE, tools)
    assert cleaned.removed == ("other", "exif", "gps", "xmp")
    assert _names(cleaned.data) == [b"VP8X", b"ICCP", b"VP8 ", b"EXIF"]
    image = decode(cleaned.data)
    assert image.info["icc_profile"] == ICC and image.getexif()[0x0112] == 6 and image.getexif()[0x8298] == "Ada"
    assert image.tobytes() == decode(PHOTO).tobytes()
    again = await WEBP.clean(cleaned.data, Metadata.SAFE, tools)
    assert again.data == cleaned.data and again.removed == ()


async def test_none_drops_the_copyright_too(tools: Toolbox) -> None:
    cleaned = await WEBP.clean(_tagged(), Metadata.NONE, tools)
    assert "copyright" in cleaned.removed
    assert b"Ada" not in cleaned.data and WEBP.inspect(cleaned.data).orientation == 6


async def test_all_changes_nothing(tools: Toolbox) -> None:
    assert (await WEBP.clean(_tagged(), Metadata.ALL, tools)).data == _tagged()


async def test_extended_header_goes_where_nothing_needs_it(tools: Toolbox) -> None:
    chunks = riff.parse(PHOTO, FORM).chunks
    cleaned = await WEBP.clean(assemble([*chunks, Chunk(b"XMP ", b"<x/>")]), Metadata.SAFE, tools)
    assert cleaned.data == PHOTO


async def test_foreign_chunks_leave_the_frames(tools: Toolbox) -> None:
    data = _animation(lossless=False)
    chunks = [
        Chunk(b"ANMF", chunk.data + bytes(Chunk(b"MINE", b"?"))) if chunk.name == b"ANMF" else chunk
        for chunk in riff.parse(data, FORM).chunks
    ]
    cleaned = await WEBP.clean(riff.build(FORM, chunks), Metadata.SAFE, tools)
    assert (cleaned.data, cleaned.removed) == (data, ("other",))


@pytest.mark.parametrize("effort", list(Effort))
async def test_lossy_is_smaller_and_looks_the_same(tools: Toolbox, effort: Effort) -> None:
    (lossy,) = await _candidates(PHOTO, Policy(effort=effort), tools)
    assert not lossy.lossless and lossy.quality == 80
    assert len(lossy.data) < 0.5 * len(PHOTO)
    assert difference(decode(lossy.data), decode(PHOTO)) < 4


async def test_what_the_cleaning_left_is_carried_over(tools: Toolbox) -> None:
    (lossy,) = await _candidates(_tagged(), Policy(metadata=Metadata.ALL), tools)
    assert _names(lossy.data) == [b"VP8X", b"ICCP", b"VP8 ", b"EXIF", b"XMP ", b"MINE"]
    assert WEBP.inspect(lossy.data).orientation == 6
    assert decode(lossy.data).info["icc_profile"] == ICC


async def test_transparency_survives_the_loss(tools: Toolbox) -> None:
    picture = photo()
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    source = encode(picture, "WEBP", lossless=True)
    lossy = (await _candidates(source, Policy(), tools))[0]
    assert not lossy.lossless and WEBP.inspect(lossy.data).alpha
    assert difference(decode(lossy.data).getchannel("A"), picture.getchannel("A")) < 3


async def test_lossless_keeps_every_pixel(tools: Toolbox) -> None:
    loose = encode(graphic(alpha=True), "WEBP", lossless=True, quality=0, method=0)
    found = await _candidates(loose, Policy(lossless=True), tools)
    assert [candidate.lossless for candidate in found] == [True]
    assert len(found[0].data) < len(loose)
    assert look.raster(found[0].data, "WEBP")["pixels"] == look.raster(loose, "WEBP")["pixels"]


async def test_lossless_has_nothing_for_a_lossy_source(tools: Toolbox) -> None:
    assert await _candidates(PHOTO, Policy(lossless=True), tools) == []


@pytest.mark.parametrize("quality", [30, 60, 80, 95])
async def test_own_output_is_left_alone(tools: Toolbox, quality: int) -> None:
    source = encode(photo(320, 240), "WEBP", lossless=True)
    (lossy,) = await _candidates(source, Policy(quality=quality), tools)
    assert await _candidates(lossy.data, Policy(quality=quality), tools) == []


async def test_small_enough_source_runs_no_tool(tools: Toolbox) -> None:
    assert await _candidates(encode(photo(), "WEBP", quality=60), Policy(), tools) == []
    assert tools.uses == []


@pytest.mark.parametrize("lossless", [True, False])
async def test_animation_keeps_its_time(tools: Toolbox, lossless: bool) -> None:
    source = _animation(lossless)
    found = (await _candidates(source, Policy(), tools))[0]
    assert len(found.data) < 0.7 * len(source) and not found.lossless
    assert replace(WEBP.inspect(found.data), source_quality=None) == replace(WEBP.inspect(source), source_quality=None)
    old, new = Image.open(io.BytesIO(source)), Image.open(io.BytesIO(found.data))
    for index in range(4):
        old.seek(index)
        new.seek(index)
        assert difference(old, new) < 5


async def test_lossy_animation_keeps_its_frames_places(tools: Toolbox) -> None:
    source = _animation(lossless=False)
    (found,) = await _candidates(source, Policy(), tools)
    heads = [[c.data[:16] for c in riff.parse(data, FORM).chunks if c.name == b"ANMF"] for data in (source, found.data)]
    assert heads[0] == heads[1]


async def test_lossless_animation_keeps_every_pixel(tools: Toolbox) -> None:
    source = _animation(lossless=True)
    (found,) = await _candidates(source, Policy(lossless=True), tools)
    assert found.lossless
    assert look.raster(found.data, "WEBP")["pixels"] == look.raster(source, "WEBP")["pixels"]


async def test_animation_of_equal_frames_is_not_shortened(tools: Toolbox) -> None:
    frames = [Chunk(b"ANMF", _still_frame(50)), Chunk(b"ANMF", _still_frame(90)), Chunk(b"ANMF", _still_frame(70))]
    header = Chunk(b"VP8X", bytes([2, 0, 0, 0, 159, 0, 0, 119, 0, 0]))
    source = riff.build(FORM, [header, Chunk(b"ANIM", bytes(6)), *frames])
    for found in await _candidates(source, Policy(), tools):
        assert WEBP.inspect(found.data).durations == (50, 90, 70)


def _still_frame(milliseconds: int) -> bytes:
    picture = b"".join(map(bytes, riff.parse(encode(graphic(), "WEBP", lossless=True), FORM).chunks))
    return bytes(6) + bytes([159, 0, 0, 119, 0, 0, milliseconds, 0, 0, 0]) + picture


async def test_broken_pixels_are_no_candidate(tools: Toolbox) -> None:
    chunk = riff.parse(PHOTO, FORM).chunks[0]
    broken = riff.build(FORM, [Chunk(chunk.name, chunk.data[:200])])
    assert await _candidates(broken, Policy(), tools) == []
    assert tools.last_error is not None


def test_exif_prefix_is_understood() -> None:
    lean = lean_exif(Exif(orientation=3), keep_copyright=True)
    data = assemble([*riff.parse(PHOTO, FORM).chunks, Chunk(b"EXIF", b"Exif\0\0" + lean)])
    assert WEBP.inspect(data).orientation == 3 == parse_exif(lean).orientation


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PHOTO[:40],
        riff.build(FORM, []),
        riff.build(FORM, [Chunk(b"VP8X", bytes(3)), Chunk(b"VP8L", b"\x2f\0\0\0\0")]),
        riff.build(FORM, [Chunk(b"ANMF", bytes(16) + bytes(Chunk(b"VP8L", b"\x2f\0\0\0\0")))]),
        riff.build(FORM, [Chunk(b"ANMF", b"")]),
    ],
)
def test_broken_files_are_refused(data: bytes) -> None:
    with pytest.raises(UnprocessableImage):
        WEBP.inspect(data)


SEEDS = [_tagged(), GRAPHIC, _animation(lossless=True, frames=2)]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_inspect_is_total(seed: bytes, at: int, noise: bytes) -> None:
    try:
        info = WEBP.inspect(seed[:at] + noise + seed[at + len(noise) :])
    except UnprocessableImage:
        return
    assert info.width > 0 and info.height > 0
