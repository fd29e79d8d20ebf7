"""The search over made-up encoders whose scores and sizes are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizers.policy import typical_score
from optimizers.search import FULL, LITTLE, MORE, Trial, Try, fit, locate, reach

ALL = (1, 100)
curves = st.tuples(st.floats(-15, 15), st.floats(0.6, 1.5))


def encoder(shift: float, stretch: float) -> tuple[Try, list[int]]:
    """One that scores off the typical curve and doubles its bytes every 20 steps."""
    tried: list[int] = []

    async def try_at(quality: int) -> Trial:
        tried.append(quality)
        score = min(100.0, 80 + stretch * (typical_score(quality) - 80) + shift)
        return Trial(quality, bytes(round(1000 * 2 ** (quality / 20))), score)

    return try_at, tried


@given(curves, st.sampled_from([50.0, 70.0, 80.0, 90.0]), st.integers(20, 100))
async def test_the_least_quality_that_reaches_the_goal_is_found(
    curve: tuple[float, float], goal: float, start: int
) -> None:
    try_at, _ = encoder(*curve)
    passing = [q for q in range(1, 101) if (await try_at(q)).score >= goal]  # type: ignore[union-attr]
    found = await reach(try_at, goal, start, ALL, patience=99)
    if not passing:
        assert found is None
        return
    assert found is not None and found.score >= goal
    assert found.quality <= passing[0] + 2


@given(curves, st.sampled_from([60.0, 70.0, 80.0]))
async def test_from_a_typical_start_three_trials_are_mostly_enough(curve: tuple[float, float], goal: float) -> None:
    try_at, tried = encoder(*curve)
    await reach(try_at, goal, 80, ALL, patience=3)
    assert len(tried) <= 6


async def test_scores_that_waver_do_not_lead_astray() -> None:
    tried: list[int] = []

    async def wavering(quality: int) -> Trial:
        tried.append(quality)
        return Trial(quality, b"", typical_score(quality) + (0.9 if quality % 2 else -0.9))

    found = await reach(wavering, 80, 80, ALL, patience=3)
    assert found is not None and found.score <= 82
    assert max(tried) < 90


@given(curves, st.sampled_from([70.0, 80.0]))
async def test_a_trial_or_two_tell_about_where_a_goal_lies(curve: tuple[float, float], goal: float) -> None:
    try_at, tried = encoder(*curve)
    found = await locate(try_at, goal, 80, ALL)
    assert found is not None and len(tried) <= 2
    there = await try_at(round(found.quality))
    assert there is not None and (found.short or abs(there.score - goal) < 12)
    assert found.short or found.size == pytest.approx(len(there.data), rel=0.3)


async def test_a_goal_above_the_bounds_is_told() -> None:
    for start in (80, 85):
        found = await locate(encoder(-15, 1)[0], 90, start, (1, 85))
        assert found is not None and found.short and found.quality == 85


async def test_patience_ends_with_the_first_that_is_not_far_above() -> None:
    try_at, tried = encoder(10, 1)
    found = await reach(try_at, 50, 25, ALL, patience=1)
    assert found is not None and 51 < found.score < 54 and tried == [25]


async def test_what_is_hardly_larger_than_the_least_will_do() -> None:
    tried: list[int] = []

    async def flat(quality: int) -> Trial:
        tried.append(quality)
        return Trial(quality, bytes(1000 + quality), 50 + quality / 2)

    found = await reach(flat, 60, 80, ALL, patience=99)
    assert found is not None and len(tried) == 2 and 1000 + found.quality < (1 + LITTLE) * 1020


async def test_far_above_the_goal_another_trial_pays_but_not_many() -> None:
    try_at, tried = encoder(10, 1)
    found = await reach(try_at, 50, 90, ALL, patience=1)
    assert found is not None and 50 <= found.score < 60 and 1 < len(tried) <= 1 + MORE


@given(curves, st.integers(1100, 30_000), st.integers(1, 100))
async def test_the_best_quality_within_the_budget_is_found(curve: tuple[float, float], budget: int, start: int) -> None:
    try_at, _ = encoder(*curve)
    best = max([q for q in range(1, 101) if len((await try_at(q)).data) <= budget])  # type: ignore[union-attr]
    found = await fit(try_at, budget, start, ALL, patience=99)
    assert found is not None and len(found.data) <= budget
    assert found.quality == best or len(found.data) >= FULL * budget


async def test_a_budget_under_the_smallest_file_is_no_fit() -> None:
    assert await fit(encoder(0, 1)[0], 900, 80, ALL, patience=99) is None


@pytest.mark.parametrize("bounds", [(1, 60), (80, 80), (90, 100)])
async def test_bounds_hold(bounds: tuple[int, int]) -> None:
    try_at, tried = encoder(0, 1)
    await reach(try_at, 80, 50, bounds, patience=99)
    await fit(try_at, 9000, 50, bounds, patience=99)
    assert tried and all(bounds[0] <= quality <= bounds[1] for quality in tried)


async def test_an_encoder_that_fails_ends_the_search() -> None:
    async def failing(quality: int) -> None:
        return None

    assert await reach(failing, 80, 80, ALL, patience=3) is None
    assert await locate(failing, 80, 80, ALL) is None
    assert await fit(failing, 80, 80, ALL, patience=3) is None


async def test_trials_on_one_step_of_an_encoder_tell_no_slope() -> None:
    async def try_at(quality: int) -> Trial:
        return Trial(quality, b"x" * quality, typical_score(quality // 8 * 8) + 0.001 * quality)

    found = await reach(try_at, 73.0, 72, ALL, patience=4)
    assert found is not None and 80 <= found.quality < 88
