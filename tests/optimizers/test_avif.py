"""AVIF: read from its header, cleaned without a touch to its pixels, re-encoded on request only."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from exceptions import InvalidOptions, UnprocessableImage
from optimizers import look
from optimizers.avif import Avif
from optimizers.avif_carried import read_carried
from optimizers.avif_encoding import dial_of
from optimizers.base import Candidate, Source
from optimizers.engine import Engine
from optimizers.heic import Heic
from optimizers.policy import Effort, Metadata, Policy
from optimizers.toolbox import Toolbox
from tests.helpers import decode, difference, encode, graphic, photo
from tests.utils.heif_files import XMP, Entry, box, described, exif
from utils.heif_items import read_meta
from utils.heif_strip import strip
from utils.isobmff import boxes

NAMED = Policy(named=True, effort=Effort.FAST)
SAMPLES = [
    encode(photo(64, 48), "AVIF", speed=9, exif=exif("Ann", orientation=6), xmp=XMP),
    encode(
        graphic(64, 48, alpha=True),
        "AVIF",
        save_all=True,
        append_images=[graphic(64, 48, alpha=True).rotate(180)],
        speed=9,
        exif=exif(),
    ),
    described(photo(64, 48), "Ann", iloc_version=2, wide_ids=True, parts=2).build(),
]


async def candidates(data: bytes, policy: Policy, tools: Toolbox) -> list[Candidate]:
    avif = Avif()
    return [found async for found in avif.optimize(data, avif.inspect(data), policy, tools)]


@pytest.mark.parametrize(
    ("major", "others", "claimed_by"),
    [
        (b"avif", b"mif1miaf", [Avif]),
        (b"avis", b"msf1iso8", [Avif]),
        (b"mif1", b"avifmiaf", [Avif]),
        (b"mif1", b"avifheic", [Avif]),
        (b"avif", b"heic", [Avif]),
        (b"heic", b"avif", [Heic]),
        (b"heic", b"mif1", [Heic]),
        (b"mif1", b"heichevc", [Heic]),
        (b"msf1", b"hevc", [Heic]),
        (b"heix", b"", [Heic]),
        (b"mif1", b"miaf", []),
        (b"isom", b"avc1mp41", []),
        (b"qt  ", b"", []),
        (b"crx ", b"isom", []),
        (b"jxl ", b"", []),
    ],
)
def test_brands_decide_who_claims_a_file(major: bytes, others: bytes, claimed_by: list[type]) -> None:
    head = box(b"ftyp", major, bytes(4), others) + bytes(40)
    assert [type(one) for one in (Avif(), Heic()) if one.sniff(head)] == claimed_by
    assert not Avif().sniff(head[:7]) and not Heic().sniff(b"")


def test_a_still_is_read_from_its_header() -> None:
    info = Avif().inspect(encode(graphic(50, 30, alpha=True), "AVIF", speed=9))
    assert (info.width, info.height, info.frames, info.alpha, info.bit_depth) == (50, 30, 1, True, 8)
    assert info.durations == () and info.loop is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_is_the_one_displayed(orientation: int) -> None:
    info = Avif().inspect(encode(photo(50, 30), "AVIF", speed=9, exif=exif(orientation=orientation)))
    assert info.displayed_size == ((30, 50) if orientation >= 5 else (50, 30))


def test_a_sequence_is_read_from_its_track() -> None:
    frames = [graphic(50, 30, alpha=True), photo(50, 30).convert("RGBA")]
    data = encode(frames[0], "AVIF", save_all=True, append_images=frames[1:], duration=[40, 250], speed=9)
    info = Avif().inspect(data)
    assert (info.displayed_size, info.frames, info.durations, info.loop) == ((50, 30), 2, (40, 250), 0)
    assert info.alpha


def test_depth_is_the_deepest_the_file_names() -> None:
    file = described(photo())
    file.properties = [box(b"pixi", b"\3\12\12\12", version=0) if p[4:8] == b"pixi" else p for p in file.properties]
    assert Avif().inspect(file.build()).bit_depth == 10


@pytest.mark.parametrize("cut", [10, 60, 300, -1])
def test_a_file_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(UnprocessableImage):
        Avif().inspect(SAMPLES[0][:cut])


def test_a_file_without_its_content_is_refused() -> None:
    data = SAMPLES[0]
    mdat = next(found for found in boxes(data, 0, len(data)) if found.kind == b"mdat")
    with pytest.raises(UnprocessableImage):
        Avif().inspect(data[: mdat.start])


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_the_bytes_only_a_refusal_comes_out(draw: st.DataObject) -> None:
    data = bytearray(draw.draw(st.sampled_from(SAMPLES)))
    head = data.index(b"mdat")
    for _ in range(draw.draw(st.integers(1, 6))):
        at = draw.draw(st.integers(0, head))
        data[at : at + draw.draw(st.integers(0, 4))] = draw.draw(st.binary(max_size=4))
    broken = bytes(data[: draw.draw(st.integers(0, len(data)))]) if draw.draw(st.booleans()) else bytes(data)
    for attempt in (Avif().inspect, Heic().inspect, read_carried):
        with suppress(UnprocessableImage):
            attempt(broken)
    done = strip(broken, keep_copyright=draw.draw(st.booleans()))
    assert len(done.data) <= len(broken)


async def test_cleaning_follows_the_policy(tools: Toolbox) -> None:
    data = SAMPLES[0]
    safe, none, everything = [await Avif().clean(data, metadata, tools) for metadata in Metadata]
    assert safe and none and everything
    assert everything.data == data and everything.removed == ()
    assert b"Ann" in safe.data and b"Ann" not in none.data
    assert "xmp" in safe.removed and "gps" in safe.removed
    for done in (safe, none):
        assert (await tools.call(look.raster, done.data, "AVIF")) == (await tools.call(look.raster, data, "AVIF"))


@pytest.mark.parametrize("policy", [Policy(), Policy(named=True, lossless=True)])
async def test_nothing_is_encoded_unasked(policy: Policy, tools: Toolbox) -> None:
    assert await candidates(encode(photo(), "AVIF", quality=100, speed=9), policy, tools) == []


async def test_a_named_quality_makes_it_smaller_and_carries_everything(tools: Toolbox) -> None:
    profile = bytes(range(256)) * 2
    image = graphic(alpha=True)
    data = encode(
        image, "AVIF", quality=100, subsampling="4:4:4", speed=9,
        exif=exif("Ann ©", orientation=6), xmp=XMP, icc_profile=profile,
    )  # fmt: skip
    (made,) = await candidates(data, NAMED, tools)
    assert made.quality == 80 and made.dial == dial_of(80, Effort.FAST) and not made.lossless
    assert len(made.data) < 0.7 * len(data)
    before, after = decode(data), decode(made.data)
    assert difference(before, after) < 4 and after.mode == "RGBA"
    assert after.info["icc_profile"] == profile and after.info["xmp"] == XMP
    assert after.getexif()[0x0112] == before.getexif()[0x0112] == 6
    assert item(made.data, b"Exif") == item(data, b"Exif")
    said, says = Avif().inspect(data), Avif().inspect(made.data)
    assert replace(says, source_quality=100) == said and abs((says.source_quality or 0) - 80) <= 2
    assert await candidates(made.data, NAMED, tools) == []


async def test_colour_meaning_without_a_profile_is_carried(tools: Toolbox) -> None:
    data = encode(photo(), "AVIF", quality=100, speed=9)
    wide = data.replace(b"colrnclx\0\1\0\x0d", b"colrnclx\0\x0c\0\x0d")
    assert wide != data
    (made,) = await candidates(wide, NAMED, tools)
    assert b"colrnclx\0\x0c\0\x0d" in made.data


TO_AVIF = Policy(targets=("avif",), named=True, effort=Effort.FAST)
EXACT = Policy(targets=("webp",), lossless=True)


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_source_is_decoded_upright(orientation: int, engine: Engine) -> None:
    source = encode(graphic(50, 30), "AVIF", quality=95, speed=9, exif=exif("Ann", orientation=orientation))
    outcome = await engine.run(Source(source), EXACT)
    expected = ImageOps.exif_transpose(decode(encode(graphic(50, 30), "PNG", exif=exif(orientation=orientation))))
    assert difference(decode(outcome.data).convert("RGB"), expected.convert("RGB")) < 4
    assert b"Ann" in outcome.data


async def test_a_turn_that_only_xmp_names_is_none(engine: Engine) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF tiff:Orientation="6"/></x:xmpmeta>'
    source = encode(photo(50, 30), "AVIF", quality=90, speed=9, xmp=xmp)
    assert decode(source).getexif()[0x0112] == 6  # Pillow would turn it, viewers do not
    assert decode((await engine.run(Source(source), EXACT)).data).size == (50, 30)


async def test_wide_colours_without_a_profile_are_brought_to_srgb(engine: Engine) -> None:
    source = encode(Image.new("RGB", (32, 32), (200, 100, 100)), "AVIF", quality=100, speed=9)
    wide = source.replace(b"colrnclx\0\1\0\x0d", b"colrnclx\0\x0c\0\x0d")
    plain, shown = [decode((await engine.run(Source(data), EXACT)).data).getpixel((9, 9)) for data in (source, wide)]
    assert plain == pytest.approx((200, 100, 100), abs=2) and shown[0] > plain[0] + 5 and shown[1] < plain[1] - 1


async def test_a_picture_of_another_format_becomes_one(engine: Engine) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = encode(photo(), "JPEG", quality=95, icc_profile=profile, exif=b"Exif\0\0" + exif("Ann", orientation=6))
    outcome = await engine.run(Source(source), TO_AVIF)
    image = decode(outcome.data)
    assert outcome.made.name == "avif" and len(outcome.data) < 0.6 * len(source)
    assert image.size == (120, 160) and image.info["icc_profile"] == profile
    assert b"Ann" in outcome.data and b"planted" not in outcome.data and Avif().inspect(outcome.data).orientation == 1
    assert difference(image, photo().transpose(Image.Transpose.ROTATE_270)) < 6


async def test_transparency_goes_along_and_colours_keep_their_planes(engine: Engine) -> None:
    source = encode(graphic(alpha=True), "PNG")
    outcome = await engine.run(Source(source), TO_AVIF)
    before, after = (decode(data).convert("RGBa").convert("RGBA") for data in (source, outcome.data))
    assert difference(before, after) < 3 and Avif().inspect(outcome.data).alpha
    assert read_carried(outcome.data).subsampling == "4:4:4"  # type: ignore[union-attr]


async def test_it_cannot_be_without_loss(engine: Engine) -> None:
    with pytest.raises(InvalidOptions):
        await engine.run(Source(encode(photo(), "PNG")), replace(TO_AVIF, lossless=True))


@pytest.mark.parametrize(("source", "highest"), [(100, range(95, 101)), (60, range(70, 80)), (3, range(1))], ids=str)
async def test_a_coarse_source_is_tried_below_its_own_quality(source: int, highest: range, tools: Toolbox) -> None:
    data = encode(photo(), "AVIF", quality=source, speed=9)
    found = await Avif().recoders(data, Avif().inspect(data), NAMED, tools)
    assert ([encoder.highest for encoder in found] or [0])[0] in highest


async def test_trials_on_a_part_grow_with_the_quality(tools: Toolbox) -> None:
    data = encode(photo(), "AVIF", quality=100, speed=9)
    (encoder,) = await Avif().recoders(data, Avif().inspect(data), NAMED, tools)
    assert encoder.probe is not None
    rough, fine = [await encoder.probe(encode(photo(64, 64), "PNG"), quality) for quality in (30, 90)]
    assert rough and fine and len(rough) < len(fine)


def _hdr(data: bytes) -> bytes:
    return data.replace(b"colrnclx\0\1\0\x0d", b"colrnclx\0\x09\0\x10")


def _gain_map() -> bytes:
    file = described(photo())
    file.items[4] = Entry(b"tmap", b"map", references={b"dimg": [1]})
    return file.build()


def _cropped() -> bytes:
    file = described(photo())
    file.properties.append(box(b"clap", b"".join(n.to_bytes(4) for n in (50, 1, 50, 1, 0, 1, 0, 1))))
    file.items[1].properties.append(len(file.properties))
    return file.build()


@pytest.mark.parametrize(
    "data",
    [_hdr(encode(photo(), "AVIF", quality=100, speed=9)), _gain_map(), _cropped(), SAMPLES[1]],
    ids=["hdr", "gain map", "crop", "sequence"],
)
async def test_what_an_encode_would_lose_is_not_encoded(data: bytes, tools: Toolbox) -> None:
    assert await candidates(data, NAMED, tools) == []
    assert tools.uses == []


def test_the_dial_rises_with_the_quality() -> None:
    for effort in Effort:
        dials = [dial_of(quality, effort) for quality in range(1, 101)]
        assert dials == sorted(dials) and dials[0] >= 0 and dials[-1] == 100


def item(data: bytes, kind: bytes) -> Any:
    meta = read_meta(data, next(found for found in boxes(data, 0, len(data)) if found.kind == b"meta"))
    return next(meta.content(data, number) for number, entry in meta.items.items() if entry.kind == kind)
