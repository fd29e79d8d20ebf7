"""Auto against the one fixed quality that would do, over answers made up here."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from benchmarks.curves import Rung
from benchmarks.equal import equal
from benchmarks.files import Sample
from benchmarks.ladders import Tool
from benchmarks.programs import run
from benchmarks.promise import fixed_quality, promise, spent
from benchmarks.study import Study, climb, nominal
from benchmarks.workbench import Cost, Shot


def shot(size: int, score: float, *, lossy: bool = True, reason: str = "optimized", cost: Cost | None = None) -> Shot:
    return Shot(size, lossy, reason, "made up", 80, score, score, cost or Cost())


def pictures(count: int) -> list[Study]:
    """The first scores its quality, every further one a point less."""
    return [Study(Sample(f"{index}.jpg", "jpeg", b"x" * 1000)) for index in range(count)]


class Fixed:
    """Measures by a rule, and remembers how often."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __call__(self, studies: Sequence[Study], quality: int) -> list[Shot | None]:
        self.asked += [quality] * len(studies)
        return [shot(10 * quality, quality - int(one.sample.name[:-4])) for one in studies]


def test_the_least_quality_at_which_nine_of_ten_reach_is_found() -> None:
    studies = pictures(20)
    assert fixed_quality(studies, 70, Fixed()) == 87
    assert sum(one.fixed[87].score >= 70 for one in studies if one.fixed[87].score) == 18


def test_what_is_known_is_not_asked_again() -> None:
    studies, measure = pictures(20), Fixed()
    for one, found in zip(studies, Fixed()(studies, 80), strict=True):
        one.fixed[80] = found or shot(1, 0)
    assert fixed_quality(studies, 70, measure) == 87
    assert 80 not in measure.asked
    # The eleven that reach at 80 do so above, too: they are measured at the one quality that was found.
    assert measure.asked.count(90) == 9


def test_a_score_that_too_few_can_reach_has_no_quality() -> None:
    assert fixed_quality(pictures(20), 99, Fixed()) is None


def test_answers_without_loss_are_counted_apart() -> None:
    first, second, third = pictures(3)
    first.auto[80.0] = shot(500, 81.0)
    second.auto[80.0] = shot(600, 79.8)
    third.auto[80.0] = shot(900, 100.0, lossy=False)
    found = promise("jpeg", 80.0, [first, second, third], Fixed())
    assert (found.images, found.searched, found.reached, found.nearly) == (3, 2, 0.5, 1.0)
    assert (found.worst, found.overshoot) == (pytest.approx(-0.2), pytest.approx(0.4))
    assert (found.size, found.fixed_quality, found.fixed_size) == (1100, 81, 1620)
    assert found.ratio == pytest.approx(1100 / 1620)


def test_without_a_search_for_it_there_is_no_fixed_quality() -> None:
    (one,) = pictures(1)
    one.auto[80.0] = shot(500, 81.0)
    found = promise("gif", 80.0, [one], None)
    assert (found.fixed_quality, found.ratio, found.reached) == (None, None, 1.0)


def test_an_answer_that_cannot_be_scored_is_told() -> None:
    first, second = pictures(2)
    first.fixed[80], second.fixed[80] = shot(1, 80), replace(shot(1, 80), score=None)
    assert [first.broken, second.broken] == [False, True]


def test_a_tool_that_fails_on_a_file_has_no_ladder() -> None:
    tool = Tool("tool", "tool -q N", (1,), lambda data, dial: run("false", stdin=data))
    assert list(climb(tool, b"")) == []


def test_cpu_is_compared_picture_by_picture() -> None:
    studies = pictures(3)
    for one, encode in zip(studies, (1.0, 2.0, 9.0), strict=True):
        one.auto[80.0] = shot(1, 80, cost=Cost(encode, 0.5, 0.1, wholes=3, parts=1))
        one.fixed[nominal(80.0)] = shot(1, 80, cost=Cost(encode=1.0))
    found = spent("jpeg", 80.0, studies)
    assert found and (found.encode, found.fixed, found.ratio, found.score) == (4.0, 1.0, 2.0, 0.5)
    assert (found.wholes, found.parts) == (3, 1)
    assert spent("jpeg", 70.0, studies) is None


def test_bytes_are_compared_where_both_can_be_had() -> None:
    tool = Tool("tool", "tool -q N", (1, 2), lambda data, dial: None)
    near, beyond, lossless = pictures(3)
    for one, own in ((near, shot(100, 70)), (beyond, shot(100, 95)), (lossless, shot(100, 100, lossy=False))):
        one.fixed[80] = own
        one.others["tool"] = [Rung(1, 100, 60), Rung(2, 400, 80)]
    found = equal("jpeg", tool, [near, beyond, lossless])
    assert (found.images, found.compared, found.smaller) == (3, 1, 1)
    assert found.ratio == pytest.approx(0.5)
