"""What follows from predictions."""

import pytest

from estimation.heuristics import Confidence, Estimate, best
from optimizers.policy import ORIGINAL, Policy
from optimizers.prediction import Prediction


def prediction(size: float, spread: float = 0.0, method: str = "") -> Prediction:
    return Prediction(size, size - spread, size + spread, method)


def estimate(expected: Prediction, chosen: str = "toy") -> Estimate:
    return Estimate(1000, "toy", 10, 10, 1, chosen, expected, {})


@pytest.mark.parametrize(
    ("spread", "word"),
    [(0, Confidence.HIGH), (50, Confidence.HIGH), (60, Confidence.MEDIUM), (125, Confidence.MEDIUM), (130, "low")],
)
def test_confidence_is_the_width_of_the_interval(spread: float, word: Confidence) -> None:
    assert estimate(prediction(500, spread)).confidence == word


def test_reductions_are_percent_and_the_largest_file_is_the_low_end() -> None:
    found = estimate(prediction(250, 50))
    assert (found.reduction, found.interval) == (75.0, (70.0, 80.0))
    assert estimate(prediction(1500), "other").reduction == -50.0


def test_nothing_to_gain_is_optimized_already() -> None:
    assert estimate(prediction(980)).already_optimized
    assert not estimate(prediction(960)).already_optimized
    assert not estimate(prediction(980), "other").already_optimized


def test_the_smallest_accepted_format_wins() -> None:
    own, small, large = {"toy": prediction(800)}, {"small": prediction(300)}, {"large": prediction(2000)}
    assert best("toy", own | small | large, Policy(targets=(ORIGINAL, "small", "large")))[0] == "small"
    assert best("toy", own | large, Policy(targets=("large",)))[0] == "large"
    assert best("toy", own, Policy(targets=("large",)))[0] == "toy"
    assert best("toy", own | {"small": prediction(800)}, Policy(targets=(ORIGINAL, "small")))[0] == "toy"


def test_a_budget_caps_what_loss_can_cap() -> None:
    found = {"toy": prediction(800, 100)}
    assert best("toy", found, Policy(max_bytes=500))[1] == Prediction(500, 500, 900, "")
    assert best("toy", found, Policy(max_bytes=500, lossless=True))[1].size == 800
    assert best("toy", found, Policy(max_bytes=900))[1].size == 800
