"""JPEG proposes smaller files that look the same, and knows when to leave pixels alone."""

import io
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from exceptions import UnprocessableImage
from optimizers.base import Candidate, Encoder, Pixels
from optimizers.jpeg import Jpeg, first_picture
from optimizers.jpeg_recipe import chroma_contrast
from optimizers.policy import Effort, Metadata, Policy
from optimizers.toolbox import Toolbox
from tests.conftest import SEARCH_PATH
from tests.helpers import decode, difference, encode, graphic, photo
from utils.jpeg_pictures import Picture, further_pictures, gain_map_xmp, new_index, write_first
from utils.jpeg_segments import (
    ADOBE,
    APP1,
    APP2,
    APP14,
    COM,
    ICC,
    XMP,
    Segment,
    frame_of,
    read_header,
    read_stream,
    write,
)
from utils.metadata import Exif, lean_exif
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

JPEG = Jpeg()
FINE = encode(photo(320, 240), "JPEG", quality=97, subsampling=0)


async def propose(data: bytes, tools: Toolbox, **wishes: object) -> dict[str, Candidate]:
    found = [c async for c in JPEG.optimize(data, JPEG.inspect(data), Policy(**wishes), tools)]  # type: ignore[arg-type]
    return {candidate.method: candidate for candidate in found}


def sampling(data: bytes) -> list[tuple[int, int]]:
    return [(c.h, c.v) for c in frame_of(read_header(data)).components]


def with_segments(data: bytes, *segments: Segment) -> bytes:
    return write([*segments, *read_stream(data).segments])


def coloured_text() -> Image.Image:
    image = Image.new("RGB", (320, 240), "white")
    draw = ImageDraw.Draw(image)
    for line in range(0, 240, 12):
        draw.text((2, line), "A quick red fox on white ground, " * 3, fill=(220, 20, 30))
    return image


def ultra_hdr() -> tuple[bytes, bytes]:
    own = Segment(APP1, XMP + b'<x hdrgm:GainMapMax="3"/>')
    gain_map = with_segments(encode(graphic(64, 48).convert("L"), "JPEG"), own)
    head = [Segment(APP1, gain_map_xmp(b"", len(gain_map))), new_index([Picture(gain_map)])]
    return write_first([*head, *read_stream(FINE).segments], 0) + gain_map, gain_map


# --- the header


def test_sniff() -> None:
    assert JPEG.sniff(FINE[:16])
    assert not JPEG.sniff(b"\xff\xd8\x00\xff")


def test_inspect() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    info = JPEG.inspect(encode(photo(64, 48), "JPEG", exif=exif))
    assert (info.width, info.height, info.orientation, info.bit_depth, info.frames) == (64, 48, 6, 8, 1)
    assert info.displayed_size == (48, 64)
    assert not info.alpha


def test_source_quality_rises_with_the_encoder_s_own() -> None:
    found = [JPEG.inspect(encode(photo(64, 48), "JPEG", quality=q)).source_quality for q in (20, 50, 75, 90, 98)]
    assert None not in found
    assert found == sorted(found)  # type: ignore[type-var]
    assert len(set(found)) == 5


async def test_source_quality_of_own_output_is_the_quality_asked_for(tools: Toolbox) -> None:
    for data in (FINE, encode(photo(320, 240).convert("L"), "JPEG", quality=98), encode(coloured_text(), "JPEG")):
        for quality in (40, 65, 80, 92):
            found = (await propose(data, tools, quality=quality)).get("cjpegli")
            if found:
                read = JPEG.inspect(found.data).source_quality
                assert read is not None and abs(read - quality) <= 2


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=6), st.integers(0, 2000))
def test_only_refusals_come_out_of_inspect(changes: list[tuple[int, int]], length: int) -> None:
    broken = bytearray(FINE)
    for position, value in changes:
        broken[position] = value
    with suppress(UnprocessableImage):
        assert JPEG.inspect(bytes(broken[:length])).width > 0


def test_polyglot_with_a_script_in_front_of_the_frame_is_still_a_picture() -> None:
    first = next(read_header(FINE)).end
    assert JPEG.inspect(FINE[:first] + b"<?php ?>" + FINE[first:]).width == 320


# --- what is to be seen


def test_only_the_first_picture_is_seen() -> None:
    data, _ = ultra_hdr()
    assert first_picture(data, "JPEG") == first_picture(FINE, "JPEG")
    preview = encode(graphic(64, 48), "JPEG")
    file = write_first([new_index([Picture(preview)]), *read_stream(FINE).segments], 0) + preview
    with Image.open(io.BytesIO(file), formats=["JPEG"]) as image:
        assert image.format == "MPO", "Pillow does see two pictures"
    assert first_picture(file, "JPEG") == first_picture(FINE, "JPEG")


def test_xmp_does_not_turn_the_picture() -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><r tiff:Orientation="6"/></x:xmpmeta>'
    data = with_segments(FINE, Segment(APP1, XMP + packet))
    assert decode(data).getexif()[0x0112] == 6, "Pillow does read it"
    assert first_picture(data, "JPEG") == first_picture(FINE, "JPEG")


def test_cut_short_is_refused() -> None:
    with pytest.raises(UnprocessableImage):
        first_picture(FINE[: len(FINE) // 2], "JPEG")


# --- smaller files


async def test_lossy_is_progressive_smaller_and_looks_the_same(tools: Toolbox) -> None:
    found = await propose(FINE, tools)
    assert list(found) == ["cjpegli"], "no lossless try where the lossy one is clearly smaller"
    best = found["cjpegli"]
    assert (best.lossless, best.quality, best.dial) == (False, 80, 70)
    assert len(best.data) < len(FINE) / 2
    assert decode(best.data).info["progressive"]
    assert difference(decode(best.data), decode(FINE)) < 4


async def test_same_input_same_bytes(tools: Toolbox) -> None:
    assert await propose(FINE, tools) == await propose(FINE, tools)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
async def test_photographs_get_half_size_colour(tools: Toolbox, subsampling: int) -> None:
    data = encode(photo(320, 240), "JPEG", quality=97, subsampling=subsampling)
    assert sampling((await propose(data, tools))["cjpegli"].data) == [(2, 2), (1, 1), (1, 1)]


async def test_coloured_text_keeps_full_size_colour_and_a_finer_dial(tools: Toolbox) -> None:
    data = encode(coloured_text(), "JPEG", quality=97, subsampling=0)
    assert chroma_contrast(data, "JPEG") > 2 * chroma_contrast(FINE, "JPEG")
    best = (await propose(data, tools))["cjpeg"]
    assert sampling(best.data) == [(1, 1)] * 3
    assert best.dial == 84
    assert best.doubtful, "somebody should look at it"
    assert list(await propose(best.data, tools)) == ["jpegtran"]


@pytest.mark.parametrize("width, height", [(1, 1), (1, 40), (3, 3), (9, 2)])
def test_contrast_of_pictures_of_a_few_pixels(width: int, height: int) -> None:
    assert chroma_contrast(encode(Image.new("RGB", (width, height), "red"), "JPEG", subsampling=0), "JPEG") == 0


async def test_the_finest_quality_keeps_full_size_colour(tools: Toolbox) -> None:
    data = encode(photo(320, 240), "JPEG", quality=100, subsampling=0)
    assert sampling((await propose(data, tools, quality=95))["cjpegli"].data) == [(1, 1)] * 3


@pytest.mark.parametrize("effort", list(Effort))
async def test_second_pass_leaves_the_pixels_alone(tools: Toolbox, effort: Effort) -> None:
    once = (await propose(FINE, tools, effort=effort))["cjpegli"].data
    again = await propose(once, tools, effort=effort)
    assert list(again) == ["jpegtran"]
    assert len(again["jpegtran"].data) >= 0.99 * len(once)


async def test_effort_is_worth_something(tools: Toolbox) -> None:
    fast, balanced, _ = [(await propose(FINE, tools, effort=e, lossless=True))["jpegtran"].data for e in Effort]
    assert len(fast) > len(balanced)


async def test_source_of_low_quality_is_only_repacked(tools: Toolbox) -> None:
    data = encode(photo(320, 240), "JPEG", quality=60)
    found = await propose(data, tools)
    assert list(found) == ["jpegtran"]
    assert found["jpegtran"].lossless
    assert difference(decode(found["jpegtran"].data), decode(data)) == 0
    assert len(found["jpegtran"].data) < len(data)


async def test_lossless_changes_no_pixel(tools: Toolbox) -> None:
    found = await propose(FINE, tools, lossless=True)
    assert list(found) == ["jpegtran"]
    assert first_picture(found["jpegtran"].data, "JPEG")["pixels"] == first_picture(FINE, "JPEG")["pixels"]


async def test_tiny_pictures_may_be_baseline(tools: Toolbox) -> None:
    data = encode(Image.new("L", (16, 16), 90), "JPEG", quality=98)
    for found in (await propose(data, tools), await propose(data, tools, lossless=True)):
        best = min(found.values(), key=lambda c: len(c.data)).data
        assert len(best) < len(data)
        assert "progressive" not in decode(best).info


async def test_file_in_a_coding_that_the_tools_cannot_read_is_left_alone(tools: Toolbox) -> None:
    arithmetic = with_segments(FINE).replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc9\x00\x11\x08")
    twelve_bit = with_segments(FINE).replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc1\x00\x11\x0c")
    assert JPEG.inspect(twelve_bit).bit_depth == 12
    assert await propose(arithmetic, tools) == await propose(twelve_bit, tools) == {}
    assert tools.uses == []


async def test_without_cjpegli_cjpeg_does_it_alone(workers: WorkerPool, tmp_path: Path) -> None:
    for tool in ("cjpeg", "jpegtran"):
        (tmp_path / tool).symlink_to(which(tool, path=SEARCH_PATH) or "")
    poorer = Toolbox(ToolRunner(str(tmp_path)), workers, deadline=time.monotonic() + 60, tool_timeout=60)
    found = (await propose(FINE, poorer))["cjpeg"]
    assert (found.quality, found.dial) == (80, 72)
    assert len(found.data) < len(FINE) / 2


def noise() -> Image.Image:
    return Image.effect_noise((320, 240), 120).convert("RGB")


@pytest.mark.parametrize("quality, image, doubtful", [(80, photo(), False), (80, noise(), True), (40, photo(), True)])
async def test_doubt_where_the_dial_is_low_or_the_picture_is_noise(
    tools: Toolbox, quality: int, image: Image.Image, doubtful: bool
) -> None:
    found = await propose(encode(image, "JPEG", quality=97, subsampling=0), tools, quality=quality)
    assert found["cjpegli"].doubtful == doubtful


# --- ways to write it at any quality


async def recoders(data: bytes, tools: Toolbox, **wishes: object) -> Sequence[Encoder]:
    return await JPEG.recoders(data, JPEG.inspect(data), Policy(**wishes), tools)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wishes, methods",
    [
        ({"effort": Effort.FAST}, ["cjpegli"]),
        ({}, ["cjpegli"]),
        ({"quality": 90}, ["cjpegli", "cjpegli"]),
        ({"auto": True, "min_score": 90}, ["cjpegli", "cjpegli"]),
        ({"effort": Effort.BEST}, ["cjpegli", "cjpegli", "cjpeg", "cjpeg"]),
    ],
)
async def test_effort_and_quality_set_how_many_compete(
    tools: Toolbox, wishes: dict[str, Any], methods: list[str]
) -> None:
    found = await recoders(FINE, tools, **wishes)
    assert [encoder.method for encoder in found] == methods
    made = [await encoder.encode(80) for encoder in found]
    assert len({c.data for c in made if c}) == len(methods)
    assert [c and (c.method, c.quality) for c in made] == [(method, 80) for method in methods]


async def test_coloured_text_and_grey_have_rivals_of_their_own(tools: Toolbox) -> None:
    text = encode(coloured_text(), "JPEG", quality=97, subsampling=0)
    assert [encoder.method for encoder in await recoders(text, tools)] == ["cjpeg", "cjpegli"]
    assert len(await recoders(text, tools, effort=Effort.BEST)) == 4
    grey = encode(photo(320, 240).convert("L"), "JPEG", quality=97)
    assert len(await recoders(grey, tools, quality=90)) == 1
    assert len(await recoders(grey, tools, effort=Effort.BEST)) == 2


async def test_a_coarse_source_is_not_searched_nor_looked_at(tools: Toolbox) -> None:
    assert await recoders(encode(photo(64, 48), "JPEG", quality=1, subsampling=0), tools) == ()
    assert tools.uses == []
    (found,) = await recoders(encode(photo(64, 48), "JPEG", quality=70), tools)
    assert 40 < found.highest < 80


async def test_probes_are_bare_files_of_other_pixels(tools: Toolbox) -> None:
    (found,) = await recoders(FINE, tools)
    assert found.probe
    part = graphic(64, 48)
    made = await found.probe(encode(part, "PNG"), 90)
    assert made and difference(decode(made), part) < 4


async def write_anew(image: Image.Image, tools: Toolbox, **given: Any) -> bytes:
    pixels = Pixels((encode(image, "PNG"),), *image.size, **given)
    (encoder,) = await JPEG.encoders(pixels, Policy(), tools)
    made = await encoder.encode(80)
    assert made
    return made.data


async def test_pixels_become_a_file_with_their_profile_and_owner(tools: Toolbox) -> None:
    icc, exif = b"i" * 100_000, lean_exif(Exif(copyright=b"(c) Ada"), keep_copyright=True)
    made = decode(await write_anew(photo(), tools, icc=icc, exif=exif))
    assert difference(made, photo()) < 4
    assert made.info["icc_profile"] == icc
    assert made.getexif()[0x8298] == "(c) Ada"


async def test_a_conversion_compares_tools_only_where_scores_are_measured(tools: Toolbox) -> None:
    text = Pixels((encode(coloured_text(), "PNG"),), 320, 240)
    plain, search = [await JPEG.encoders(text, policy, tools) for policy in (Policy(), Policy(auto=True))]
    assert [encoder.method for encoder in plain] == ["cjpeg"]
    assert [encoder.method for encoder in search] == ["cjpeg", "cjpegli"]


async def test_grey_pixels_take_one_component_unless_their_profile_is_of_three(tools: Toolbox) -> None:
    grey = photo().convert("L").convert("RGB")
    assert decode(await write_anew(grey, tools)).mode == "L"
    assert decode(await write_anew(grey, tools, icc=b"i")).mode == "RGB"


# --- colour


async def test_grey_stays_grey(tools: Toolbox) -> None:
    data = encode(photo(320, 240).convert("L"), "JPEG", quality=97)
    assert decode((await propose(data, tools))["cjpegli"].data).mode == "L"


async def test_four_inks_are_only_repacked_and_stay_four(tools: Toolbox) -> None:
    data = encode(photo(320, 240).convert("CMYK"), "JPEG", quality=97)
    cleaned = await JPEG.clean(data, Metadata.SAFE, tools)
    assert cleaned
    assert cleaned.data.count(ADOBE) == 1
    found = await propose(cleaned.data, tools)
    assert list(found) == ["jpegtran"]
    result = decode(found["jpegtran"].data)
    assert result.mode == "CMYK"
    assert result.tobytes() == decode(data).tobytes()


@pytest.mark.parametrize("lossless", [False, True])
async def test_rgb_without_ycc_keeps_its_colours(tools: Toolbox, lossless: bool) -> None:
    data = encode(graphic(320, 240), "JPEG", quality=97, keep_rgb=True)
    marked = write([Segment(APP14, ADOBE + b"\0\x64\0\0\0\0\0"), *read_stream(data).segments])
    for original in (data, marked):
        (found,) = (await propose(original, tools, lossless=lossless)).values()
        assert difference(decode(found.data), decode(original)) < (0.01 if lossless else 3)


# --- metadata and further pictures


async def test_clean_follows_the_policy(tools: Toolbox) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x8298], exif[0x010F] = 6, "(c) Ada", "Maker"
    data = encode(photo(64, 48), "JPEG", exif=exif, comment=b"hello")
    cleaned = {m: await JPEG.clean(data, m, tools) for m in Metadata}
    words = {m: c and (b"(c) Ada" in c.data, b"Maker" in c.data, c.removed) for m, c in cleaned.items()}
    assert words == {
        Metadata.SAFE: (True, False, ("exif", "comment")),
        Metadata.NONE: (False, False, ("exif", "copyright", "comment")),
        Metadata.ALL: (True, True, ()),
    }


@pytest.mark.parametrize("lossless", [False, True])
async def test_whatever_the_cleaned_file_has_is_in_the_result(tools: Toolbox, lossless: bool) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x8298] = 6, "(c) Ada"
    data = encode(
        photo(320, 240), "JPEG", quality=97, exif=exif, icc_profile=b"i" * 100_000, dpi=(300, 300), comment=b"x"
    )
    (found,) = (await propose(data, tools, lossless=lossless)).values()
    result, original = decode(found.data), decode(data)
    for key in ("exif", "icc_profile", "dpi", "comment"):
        assert result.info[key] == original.info[key]
    header = list(read_header(found.data))
    assert [sum(s.holds(APP2, ICC) for s in header), sum(s.marker == COM for s in header)] == [2, 1]
    assert JPEG.inspect(found.data).displayed_size == (240, 320)


@pytest.mark.parametrize("metadata", list(Metadata))
@pytest.mark.parametrize("lossless", [False, True])
async def test_gain_map_stays_attached(tools: Toolbox, metadata: Metadata, lossless: bool) -> None:
    data, gain_map = ultra_hdr()
    cleaned = await JPEG.clean(data, metadata, tools)
    assert cleaned
    (found,) = (await propose(cleaned.data, tools, lossless=lossless)).values()
    first = read_stream(found.data)
    assert len(found.data) < len(cleaned.data)
    assert further_pictures(found.data, first) == [Picture(gain_map)]
    assert found.data[first.end :] == gain_map
    assert f'Item:Length="{len(gain_map)}"'.encode() in found.data


async def test_all_keeps_previews_and_what_lies_behind(tools: Toolbox) -> None:
    preview = encode(graphic(64, 48), "JPEG")
    data = write_first([new_index([Picture(preview, 0x10001)]), *read_stream(FINE).segments], 0) + preview + b"motion"
    kept = await JPEG.clean(data, Metadata.ALL, tools)
    assert kept
    result = (await propose(kept.data, tools))["cjpegli"].data
    assert further_pictures(result, read_stream(result)) == [Picture(preview, 0x10001)]
    assert result.endswith(preview + b"motion")
    lean = await JPEG.clean(data, Metadata.SAFE, tools)
    assert lean
    assert lean.removed == ("thumbnail", "other")
    assert lean.data == FINE


def test_the_sample_is_a_jpeg() -> None:
    assert JPEG.inspect(Jpeg.sample()).width == 8
