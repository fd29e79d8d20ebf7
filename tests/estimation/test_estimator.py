"""Estimates beside what the engine then does, over every kind of file."""

from collections.abc import Callable
from typing import Any

import pytest

from estimation.estimator import Estimator
from exceptions import ImageLimitExceeded, ToolCrashed, UnknownFormat, UnprocessableImage
from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.policy import Metadata, Policy
from optimizers.prediction import HEAD_BYTES, Head
from optimizers.router import FORMATS
from optimizers.samples import moving
from security.file_validation import ImageLimits
from tests.conftest import LIMITS, SEARCH_PATH
from tests.helpers import encode, graphic, photo
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

LARGE = photo(900, 700)
SVG = b"""<?xml version="1.0"?>
<!-- drawn by hand -->
<svg xmlns="http://www.w3.org/2000/svg" xmlns:ink="http://www.inkscape.org/namespaces/inkscape" width="24" height="24">
    <g ink:label="layer">
        <path d="M 10.00000,10.00000 L 20.00000,20.00000 L 20.00000,10.00000 Z" style="fill:#ff0000;stroke:none"/>
    </g>
</svg>"""
PICTURES = {
    "jpeg": encode(photo(400, 300), "JPEG", quality=96),
    "png": encode(graphic(400, 300, alpha=True), "PNG"),
    "photo png": encode(photo(400, 300), "PNG"),
    "webp": encode(photo(400, 300), "WEBP", lossless=True),
    "fine webp": encode(photo(400, 300), "WEBP", quality=99),
    "svg": SVG,
    "tiff": encode(graphic(400, 300), "TIFF"),
}


@pytest.fixture
def estimator(workers: WorkerPool) -> Estimator:
    return Estimator(ToolRunner(SEARCH_PATH), workers, FORMATS, LIMITS)


@pytest.mark.parametrize("name", PICTURES)
async def test_what_pare_made_is_optimized_already(name: str, estimator: Estimator, engine: Engine) -> None:
    data = PICTURES[name]
    before = await estimator.of_file(data, Policy())
    outcome = await engine.run(Source(data), Policy())
    after = await estimator.of_file(outcome.data, Policy())
    assert outcome.reduction_percent > 10
    assert (before.already_optimized, after.already_optimized) == (False, True)
    assert abs(before.reduction - outcome.reduction_percent) < 30
    if name != "photo png":  # that its shades were brought to few levels shows in its pixels alone
        assert (await estimator.of_head(Head(outcome.data[:-1], len(outcome.data)), Policy())).reduction < 15


@pytest.mark.parametrize("optimizer", FORMATS, ids=lambda o: o.spec.name)
async def test_every_format_is_estimated(optimizer: Any, estimator: Estimator) -> None:
    data = optimizer.sample()
    for policy in (Policy(), Policy(lossless=True), Policy(quality=30, named=True), Policy(metadata=Metadata.ALL)):
        found = await estimator.of_file(data, policy)
        assert found.original_format == found.chosen == optimizer.spec.name
        assert found.original_size == len(data)
        assert 0 < found.expected.low <= found.expected.size <= found.expected.high <= len(data)


async def test_the_facts_of_the_header(estimator: Estimator) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    turned = await estimator.of_file(encode(photo(160, 120), "JPEG", exif=exif), Policy())
    assert (turned.width, turned.height, turned.frames) == (120, 160, 1)
    assert (await estimator.of_file(moving("GIF"), Policy())).frames == 3


async def test_a_photograph_s_first_bytes(estimator: Estimator) -> None:
    data = encode(LARGE, "JPEG", quality=98)
    whole, cut = await estimator.of_file(data, Policy()), await estimator.of_head(_head(data), Policy())
    assert (cut.width, cut.height, cut.frames, cut.original_size) == (900, 700, 1, len(data))
    assert _width(cut) > _width(whole) > 0
    assert abs(cut.reduction - whole.reduction) < 30


async def test_a_small_file_by_its_first_bytes_is_a_file(estimator: Estimator) -> None:
    data = PICTURES["svg"]
    assert await estimator.of_head(Head.of(data), Policy()) == await estimator.of_file(data, Policy())


async def test_a_film_s_end_is_not_made_up(estimator: Estimator) -> None:
    for format, options in (("GIF", {}), ("GIF", {"loop": 0}), ("WEBP", {"quality": 99}), ("PNG", {})):
        film = encode(LARGE, format, save_all=True, append_images=[photo(900, 700, 2)], duration=50, **options)
        assert (await estimator.of_head(_head(film), Policy())).frames is None
    still = encode(LARGE, "WEBP", quality=99, exif=bytes(12))
    assert (await estimator.of_head(_head(still), Policy())).frames == 1


async def test_a_header_out_of_reach_is_estimated_all_the_same(estimator: Estimator) -> None:
    data = encode(LARGE, "JPEG", icc_profile=bytes(70_000))
    found = await estimator.of_head(_head(data), Policy())
    assert (found.width, found.height, found.frames, found.original_format) == (None, None, None, "jpeg")
    assert _width(found) > 20
    with pytest.raises(UnprocessableImage):
        await estimator.of_file(data[:HEAD_BYTES], Policy())


async def test_wishes_bear_on_the_estimate(estimator: Estimator) -> None:
    data = PICTURES["jpeg"]
    sizes = [(await estimator.of_file(data, Policy(quality=q))).expected.size for q in (95, 80, 50, 20)]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 4
    assert (await estimator.of_file(data, Policy(lossless=True))).expected.size > sizes[0]
    assert (await estimator.of_file(data, Policy(max_bytes=1000))).expected.size == 1000
    by_score = await estimator.of_file(data, Policy(auto=True, min_score=60))
    assert by_score.expected.size == (await estimator.of_file(data, Policy(quality=50))).expected.size


async def test_conversions(estimator: Estimator) -> None:
    data = PICTURES["photo png"]
    found = await estimator.of_file(data, Policy(named=True, targets=("jpeg",)))
    assert found.chosen == "jpeg" and found.expected.size == pytest.approx(found.conversions["jpeg"], abs=1)
    assert found.expected.size < len(data) / 3
    assert (await estimator.of_file(PICTURES["svg"], Policy(targets=("jpeg",)))).chosen == "jpeg"


async def test_no_conversion_to_what_cannot_hold_it(estimator: Estimator) -> None:
    assert "jpeg" in (await estimator.of_file(PICTURES["photo png"], Policy())).conversions
    assert "jpeg" not in (await estimator.of_file(PICTURES["png"], Policy())).conversions
    assert (await estimator.of_file(PICTURES["svg"], Policy())).conversions == {}


async def test_what_optimize_refuses_is_refused(workers: WorkerPool, estimator: Estimator) -> None:
    small = Estimator(ToolRunner(SEARCH_PATH), workers, FORMATS, ImageLimits(1000, 1000, 1))
    with pytest.raises(ImageLimitExceeded):
        await small.of_file(PICTURES["jpeg"], Policy())
    with pytest.raises(ImageLimitExceeded):
        await small.of_head(_head(encode(LARGE, "JPEG", quality=98)), Policy())
    with pytest.raises(UnknownFormat):
        await estimator.of_file(b"hello", Policy())


async def test_without_a_sketch_the_header_will_do(estimator: Estimator, monkeypatch: pytest.MonkeyPatch) -> None:
    data = PICTURES["jpeg"]
    sketched = await estimator.of_file(data, Policy())

    async def crash(_: WorkerPool, *args: Callable[..., Any], **options: float) -> None:
        raise ToolCrashed("gone")

    monkeypatch.setattr(WorkerPool, "call", crash)
    plain = await estimator.of_file(data, Policy())
    assert plain == await estimator.of_file(data, Policy()) != sketched
    assert plain.width == sketched.width


def _head(data: bytes) -> Head:
    assert len(data) > HEAD_BYTES
    return Head(data[:HEAD_BYTES], len(data))


def _width(found: Any) -> float:
    low, high = found.interval
    return float(high - low)
