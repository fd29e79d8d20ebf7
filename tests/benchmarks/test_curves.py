"""Bytes at a score, read off a ladder."""

from math import sqrt

import pytest

from benchmarks.curves import Rung, common_grid, geometric_mean, size_at


def ladder(*points: tuple[int, float]) -> list[Rung]:
    return [Rung(dial, size, score) for dial, (size, score) in enumerate(points)]


def test_between_two_rungs_bytes_grow_by_a_share() -> None:
    assert size_at(ladder((100, 60), (400, 80)), 70) == pytest.approx(200)
    assert size_at(ladder((100, 60), (400, 80)), 65) == pytest.approx(100 * sqrt(2))


def test_the_ends_belong_to_it_and_nothing_beyond() -> None:
    steps = ladder((100, 60), (400, 80))
    assert [size_at(steps, score) for score in (59, 60, 80, 81)] == [None, 100, 400, None]
    assert size_at((), 70) is None


def test_where_scores_waver_the_smallest_counts() -> None:
    assert size_at(ladder((100, 60), (200, 75), (300, 70), (400, 90)), 72) == pytest.approx(100 * 2**0.8)


def test_a_grid_leaves_out_the_pictures_that_would_cut_it_short() -> None:
    long, short = ladder((100, 50), (400, 95)), ladder((100, 50), (400, 61))
    assert common_grid([[long, long], [long, short], [long, long]]) == (list(range(50, 96, 5)), [0, 2])
    assert common_grid([[short], [short]]) == ([50, 55, 60], [0, 1])
    assert common_grid([[()]]) == ([], [])


def test_the_mean_of_ratios_is_geometric() -> None:
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)
    assert geometric_mean([]) is None
