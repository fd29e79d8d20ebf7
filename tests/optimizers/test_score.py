"""The score agrees with the reference program, and covers what that leaves out: alpha, animation, tiny pictures."""

import subprocess
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageFilter

from exceptions import UnprocessableImage
from optimizers.score import scores
from tests.conftest import ROOT
from tests.helpers import decode, encode, graphic, photo
from utils.worker_pool import WorkerPool

REFERENCE = ROOT / ".tools" / "bin" / "ssimulacra2"
LADDER = [("JPEG", {"quality": 30}), ("JPEG", {"quality": 92, "subsampling": 0}), ("WEBP", {"quality": 75})]


def reference(a: Image.Image, b: Image.Image, folder: Path) -> float:
    files = [folder / "a.ppm", folder / "b.ppm"]
    for image, file in zip((a, b), files, strict=True):
        image.convert("RGB").save(file)
    return float(subprocess.run([REFERENCE, *files], capture_output=True, text=True, check=True).stdout)


def score(original: Image.Image, result: Image.Image, budget: int = 0) -> float:
    return scores(encode(original, "PNG"), "PNG", [encode(result, "PNG")], "PNG", budget)[0]


def flat() -> Image.Image:
    """Mostly nothing: where the reference's rounding errors show."""
    image = Image.new("RGB", (700, 500), "white")
    image.paste(graphic(160, 120), (40, 40))
    image.paste(photo(200, 150), (400, 250))
    return image


PICTURES = {
    "photo": photo(320, 240),
    "graphic": graphic(301, 233),
    "flat": flat(),
    "grey": photo(200, 160).convert("L"),
    "few scales": photo(40, 23),
    "smallest": photo(8, 8),
}


@pytest.mark.parametrize("name", PICTURES)
def test_agrees_with_the_reference_program(name: str, tmp_path: Path) -> None:
    original = PICTURES[name]
    for format, options in LADDER:
        result = decode(encode(original, format, **options))
        assert score(original, result) == pytest.approx(reference(original, result, tmp_path), abs=0.5), format
    palette = original.convert("RGB").quantize(16)
    assert score(original, palette) == pytest.approx(reference(original, palette, tmp_path), abs=0.5)


def test_wide_pictures_are_worked_through_in_strips(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from optimizers import ssimulacra2

    original = photo(700, 90)
    result = decode(encode(original, "JPEG", quality=40))
    monkeypatch.setattr(ssimulacra2, "NARROWEST", 64)
    monkeypatch.setattr(ssimulacra2, "STRIP", 1)
    assert score(original, result) == pytest.approx(reference(original, result, tmp_path), abs=0.1)


def test_the_same_is_a_hundred_and_more_damage_is_less() -> None:
    image = photo()
    worse = [encode(image, "JPEG", quality=quality) for quality in (95, 60, 10)]
    original = encode(image, "PNG")
    assert scores(original, "PNG", [original], "PNG", 0) == [100]
    first, second, third = scores(original, "PNG", worse, "JPEG", 0)
    assert 100 > first > second > third


def test_transparency_is_judged_on_both_grounds() -> None:
    """Light grey on nothing cannot be told from nothing on a light ground, but it can on a dark one."""
    empty = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    light = Image.new("RGBA", (64, 64), (230, 230, 230, 0))
    light.paste((230, 230, 230, 255), (16, 16, 48, 48))
    assert score(empty, light) < 50
    assert score(light, empty) < 50


def test_invisible_colours_do_not_count() -> None:
    red, blue = (Image.new("RGBA", (64, 64), (*colour, 0)) for colour in ((255, 0, 0), (0, 0, 255)))
    assert score(red, blue) == 100


def test_opaque_alpha_makes_no_difference() -> None:
    image = photo()
    assert score(image, image.convert("RGBA")) == 100


def test_the_worst_frame_of_an_animation_counts() -> None:
    frames = [photo(seed=seed) for seed in range(9)]
    spoilt = [*frames[:-1], frames[-1].filter(ImageFilter.GaussianBlur(4))]
    files = [encode(f[0], "PNG", save_all=True, append_images=f[1:], duration=50) for f in (frames, spoilt)]
    same, worst = scores(files[0], "PNG", files, "PNG", 0)
    assert same == 100
    assert worst == pytest.approx(score(frames[-1], spoilt[-1]))


def test_orientation_is_applied_before_looking() -> None:
    image = photo()
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encode(image.transpose(Image.Transpose.ROTATE_90), "PNG", exif=exif)
    assert scores(turned, "PNG", [encode(image, "PNG")], "PNG", 0) == [100]


def other_colours() -> bytes:
    """A profile whose red is sRGB's blue."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    renamed = srgb.replace("sRGB".encode("utf-16-be"), "RGBs".encode("utf-16-be"))
    return renamed.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")


def test_a_lost_profile_is_seen() -> None:
    image = photo()
    with_profile = encode(image, "PNG", icc_profile=other_colours())
    kept, lost = scores(with_profile, "PNG", [with_profile, encode(image, "PNG")], "PNG", 0)
    assert kept == 100
    assert lost < 90


def test_sixteen_bits_are_seen_as_eight() -> None:
    grey = photo().convert("L")
    deep = grey.convert("I").point(lambda value: value * 257).convert("I;16")
    assert score(deep, grey) == 100


def test_pictures_smaller_than_the_metric_s_window_are_enlarged() -> None:
    assert score(Image.new("RGB", (4, 3), "red"), Image.new("RGB", (4, 3), "blue")) < 90
    assert score(Image.new("RGB", (1, 1), "red"), Image.new("RGB", (1, 1), "red")) == 100


def test_a_budget_takes_a_sample_that_stands_for_the_whole() -> None:
    image = photo(1200, 900)
    result = decode(encode(image, "JPEG", quality=60))
    assert score(image, result, budget=200_000) == pytest.approx(score(image, result), abs=2)


def test_what_is_looked_at_stays_within_the_budget() -> None:
    from optimizers.tiles import sample

    for size in ((1200, 900), (5000, 40), (300, 2000)):
        found, coarse = sample(graphic(*size), 150_000)
        assert coarse
        looked_at = sum((right - left) * (bottom - top) for left, top, right, bottom in found)
        assert 0 < looked_at + (size[0] * size[1] >> 2 * coarse) <= 150_000
        assert len(set(found)) == len(found)
        assert all(0 <= left < right <= size[0] and 0 <= top < bottom <= size[1] for left, top, right, bottom in found)


def test_other_sizes_have_no_score() -> None:
    with pytest.raises(UnprocessableImage, match="160×120 became 80×60"):
        score(photo(), photo(80, 60))


def test_other_frames_have_no_score() -> None:
    still, moving = encode(photo(), "PNG"), encode(photo(), "PNG", save_all=True, append_images=[photo(seed=2)])
    with pytest.raises(UnprocessableImage, match="1 frames became 2"):
        scores(still, "PNG", [moving], "PNG", 0)


def test_what_cannot_be_decoded_has_no_score() -> None:
    good = encode(photo(), "PNG")
    for original, candidate in ((good[:100], good), (good, good[:100]), (b"", good)):
        with pytest.raises(UnprocessableImage):
            scores(original, "PNG", [candidate], "PNG", 0)


async def test_runs_in_an_isolated_worker(workers: WorkerPool) -> None:
    image = photo()
    files = [encode(image, "JPEG", quality=quality) for quality in (90, 40)]
    good, bad = await workers.call(scores, (encode(image, "PNG"), "PNG", files, "JPEG", 0), {}, timeout=60)
    assert 100 > good > bad
