"""What formats see in their first bytes, and in a look at the pixels."""

import gzip
from dataclasses import replace
from math import exp

import pytest

from exceptions import UnprocessableImage
from optimizers import gif_outlook, jpeg_outlook, png_outlook, svg_outlook
from optimizers.base import Optimizer
from optimizers.policy import Metadata, Policy
from optimizers.prediction import HEAD_BYTES, UNREAD, Coding, Head, Outlook
from optimizers.router import FORMATS, detect
from optimizers.sketch import sketch
from optimizers.toolbox import Toolbox
from tests.helpers import encode, graphic, photo
from utils import gif_blocks

LARGE = photo(700, 500)
FILM = {"save_all": True, "append_images": [photo(700, 500, seed) for seed in (2, 3)], "duration": 80, "loop": 0}


def outlook_of(data: bytes, policy: Policy | None = None, cut: int | None = None) -> Outlook:
    optimizer = detect(data)
    head = Head(data[:cut], len(data))
    return optimizer.outlook(optimizer.inspect_head(head), head, policy or Policy(), {})


@pytest.mark.parametrize(
    "data",
    [
        encode(LARGE, "JPEG", quality=97),
        encode(LARGE, "PNG"),
        encode(LARGE, "WEBP", quality=99),
        encode(LARGE, "WEBP", lossless=True),
        encode(LARGE, "GIF"),
        encode(LARGE, "BMP"),
        encode(LARGE, "AVIF", quality=95),
    ],
    ids=["jpeg", "png", "webp", "webp lossless", "gif", "bmp", "avif"],
)
def test_the_first_bytes_tell_what_the_whole_file_does(data: bytes) -> None:
    optimizer, head = detect(data), Head(data[:HEAD_BYTES], len(data))
    assert not head.whole
    found, whole = optimizer.inspect_head(head), optimizer.inspect(data)
    assert replace(found, metadata=0) == replace(whole, metadata=0)
    assert outlook_of(data, cut=HEAD_BYTES).case == outlook_of(data).case


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_a_film_without_its_end_has_the_frames_that_are_there(format: str) -> None:
    data = encode(LARGE, format, **FILM, **({"quality": 99} if format == "WEBP" else {}))
    optimizer, head = detect(data), Head(data[:HEAD_BYTES], len(data))
    found = optimizer.inspect_head(head)
    assert (found.width, found.height, found.frames) == (700, 500, 1)
    assert optimizer.inspect(data).frames == 3


def test_a_header_that_is_not_there_is_not_made_up() -> None:
    exif = b"Exif\0\0" + bytes(60_000)
    jpeg = encode(LARGE, "JPEG", exif=exif, icc_profile=bytes(60_000))
    with pytest.raises(UnprocessableImage):
        detect(jpeg).inspect_head(Head(jpeg[:HEAD_BYTES], len(jpeg)))


def test_metadata_that_goes_is_no_part_of_the_base() -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0" + bytes(5000)
    for format in ("JPEG", "WEBP", "PNG"):
        plain, noted = encode(photo(), format), encode(photo(), format, exif=exif)
        assert outlook_of(noted).base == pytest.approx(outlook_of(plain).base, abs=60)
        assert outlook_of(noted, Policy(metadata=Metadata.ALL)).base == len(noted)


@pytest.mark.parametrize(
    ("data", "policy", "case"),
    [
        (encode(photo(), "JPEG", quality=95), Policy(), "recoded"),
        (encode(photo(), "JPEG", quality=40), Policy(), "baseline"),
        (encode(photo(), "JPEG", quality=95), Policy(lossless=True), "baseline"),
        (encode(photo(), "JPEG", quality=40, progressive=True), Policy(), "progressive"),
        (encode(photo(), "PNG"), Policy(), "colours"),
        (encode(photo(), "PNG"), Policy(lossless=True), "packed"),
        (encode(photo().quantize(64), "PNG"), Policy(), "indexed"),
        (encode(photo(), "WEBP", quality=30), Policy(), "kept"),
        (encode(photo(), "WEBP", quality=98), Policy(), "finer"),
        (encode(photo(), "WEBP", lossless=True), Policy(), "exact"),
        (encode(photo(), "WEBP", lossless=True), Policy(lossless=True), "packed"),
        (encode(photo(), "GIF"), Policy(), "still bent"),
        (encode(photo(), "GIF"), Policy(lossless=True), "still"),
        (encode(photo(), "TIFF"), Policy(), "raw"),
        (encode(photo(), "TIFF", compression="tiff_lzw"), Policy(), "lzw"),
        (encode(photo(), "AVIF"), Policy(), "kept"),
    ],
)
def test_cases(data: bytes, policy: Policy, case: str) -> None:
    assert outlook_of(data, policy).case == case


def test_what_bytes_tell_of_detail() -> None:
    codings = {f: outlook_of(encode(photo(), f)).coding for f in ("JPEG", "PNG", "BMP", "TIFF")}
    assert codings == {"JPEG": Coding.LOSSY, "PNG": Coding.EXACT, "BMP": Coding.RAW, "TIFF": Coding.RAW}


def test_a_sketch_tells_photographs_from_drawings() -> None:
    noisy, drawn = sketch(encode(photo(), "PNG"), "PNG"), sketch(encode(graphic(), "PNG"), "PNG")
    assert noisy["flat"] < 0.3 < 0.9 < drawn["flat"]
    assert noisy["drawn"] > drawn["drawn"] and noisy["grain"] > drawn["grain"]
    assert drawn["shades"] < noisy["shades"]


def test_a_sketch_of_a_large_picture_takes_tiles_of_it() -> None:
    whole, part = sketch(encode(LARGE.crop((0, 0, 96, 960)), "PNG"), "PNG"), sketch(encode(LARGE, "PNG"), "PNG")
    assert part["detail"] == pytest.approx(whole["detail"], abs=0.5)


def test_a_jpeg_is_tried_at_its_own_quality_and_a_coarser_one() -> None:
    fine, coarse = (jpeg_outlook.sketch_coarser(encode(photo(), "JPEG", quality=q), "JPEG") for q in (97, 75))
    assert fine["coarser"] < -0.8 < -0.1 < coarse["coarser"]


def test_of_a_large_jpeg_the_upper_part_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg_outlook, "PART_PIXELS", 700 * 96)
    for progressive in (False, True):
        data = encode(LARGE, "JPEG", quality=97, progressive=progressive)
        upper = encode(LARGE.crop((0, 0, 700, 96)), "JPEG", quality=97)
        part = jpeg_outlook.upper_part(data)
        found, expected = (jpeg_outlook.sketch_coarser(d, "JPEG") for d in (part, upper))
        assert detect(part).inspect(part).height == 96
        assert found["coarser"] == pytest.approx(expected["coarser"], abs=0.02)


async def test_the_first_frames_of_a_film_are_tried(tools: Toolbox) -> None:
    frames = [graphic(400, 300) for _ in range(6)]
    for shift, frame in enumerate(frames):
        frame.paste((0, 90, 0), (shift * 8, 0, shift * 8 + 8, 8))
    film = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    first = gif_outlook.first_frames(gif_blocks.parse(film))
    assert 1 <= len(first.images) <= 6 and first.images[0].box == (0, 0, 400, 300)
    gif = detect(film)
    seen = await gif.sketch(film, gif.inspect(film), Policy(), tools)
    assert seen and -1.5 < seen["left"] <= 0


def test_no_more_frames_are_tried_than_needed() -> None:
    film = gif_blocks.parse(encode(photo(400, 400), "GIF", save_all=True, append_images=[photo(400, 400, 2)]))
    small = gif_blocks.parse(encode(photo(40, 40), "GIF", save_all=True, append_images=[photo(40, 40, 2)]))
    assert [len(gif_outlook.first_frames(gif).images) for gif in (film, small)] == [1, 2]


async def test_a_small_drawing_is_tried(tools: Toolbox) -> None:
    path = b'<path d="M 1.000 1.000 L 8 8"/>'
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!-- note -->   ' + path + b"</svg>"
    for data in (gzip.compress(svg), svg):
        drawing = detect(data)
        seen = await drawing.sketch(data, drawing.inspect(data), Policy(), tools)
        assert seen is not None
        found = drawing.predict(drawing.inspect(data), Head.of(data), Policy(), seen)
        assert found.size == pytest.approx(len(data) * exp(seen["left"]), rel=0.1)
    assert found.size < 0.9 * len(data)


@pytest.mark.parametrize("format", ["AVIF", "PNG", "WEBP"])
async def test_what_takes_long_is_not_sketched(format: str, tools: Toolbox) -> None:
    data = encode(graphic(1600, 1000), format)
    optimizer = detect(data)
    assert await optimizer.sketch(data, optimizer.inspect(data), Policy(), tools) is None
    assert tools.uses == []


def test_waste_in_a_drawing_is_counted() -> None:
    lean = b'<svg xmlns="http://www.w3.org/2000/svg"><path d="m1 1h2"/></svg>'
    fat = b'<svg xmlns="http://www.w3.org/2000/svg">\n    <!-- x -->\n    <path d="M 1.12345 1.12345 H 2"/>\n</svg>'
    thin, thick = svg_outlook.text_traits(lean), svg_outlook.text_traits(fat)
    for name in ("blank", "notes", "digits", "points", "places", "absolute", "waste"):
        assert thin[name] < thick[name], name


def test_a_chunk_that_is_missing_ends_the_search() -> None:
    with pytest.raises(UnprocessableImage):
        list(png_outlook.head_chunks(encode(photo(), "PNG")[:30]))


@pytest.mark.parametrize("optimizer", FORMATS, ids=lambda o: o.spec.name)
def test_every_format_was_fitted(optimizer: Optimizer) -> None:
    head = Head.of(optimizer.sample())
    case = optimizer.outlook(optimizer.inspect(head.data), head, Policy(), {}).case
    assert {case, UNREAD} & set(optimizer.fits), f"{optimizer.spec.name}: {case}"
