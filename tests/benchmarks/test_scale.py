"""The simulation of many images over many workers, and what the measured runs are fed with."""

from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks import scale
from benchmarks.library import pictures
from tests.helpers import decode


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "IMAGES", 2000)


def hours(workers: int, middle: float = 1.0, high: float = 1.0) -> tuple[float, int]:
    return scale.simulated(workers, middle, high, np.random.default_rng(1))


def test_equal_times_take_what_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "LOSSES_AN_HOUR", 0)
    assert hours(1) == (pytest.approx(2000 / 3600), 0)
    assert hours(10) == (pytest.approx(200 / 3600), 0)


def test_what_is_lost_is_done_later(monkeypatch: pytest.MonkeyPatch) -> None:
    undisturbed, _ = hours(4, high=3.0)
    monkeypatch.setattr(scale, "LOSSES_AN_HOUR", 100)
    disturbed, lost = hours(4, high=3.0)
    assert lost > 10 and disturbed > undisturbed


def test_the_picture_is_a_drawing() -> None:
    root = ElementTree.fromstring(scale.drawn([(1, 100.0), (2, 50.0), (4, 25.0)]))
    assert len(root.findall("{*}circle")) == 3


def test_the_uploads_are_all_different_and_some_are_broken() -> None:
    files = pictures(60, seed=1, broken=True)
    assert len(set(files)) == 60
    with pytest.raises(OSError, match="data stream"):
        decode(files[50])
    assert decode(files[51]).format in ("JPEG", "PNG", "WEBP")
