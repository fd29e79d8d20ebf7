"""Lines over traits, and the wishes that they are asked with."""

from math import log

import pytest

from optimizers.policy import Policy
from optimizers.prediction import UNREAD, Coding, Fit, Head, Outlook, conversion, foretell, wanted_quality


def test_a_fit_is_a_line_in_logarithms() -> None:
    fit = Fit({"one": log(0.5), "density": 2.0}, -0.1, 0.2)
    assert fit.share({"density": 0.25, "unused": 9.0}) == pytest.approx(log(0.5) + 0.5)


def test_a_prediction_lies_between_its_bounds_and_under_the_file() -> None:
    found = foretell(Outlook("case", 1000, {}, "tool"), {"case": Fit({"one": log(0.9)}, log(0.5), log(2))}, most=1000)
    assert found.size == pytest.approx(900)
    assert found.low == pytest.approx(450)
    assert (found.high, found.method) == (1000, "tool")


def test_a_case_that_nothing_was_fitted_for_is_any_file() -> None:
    found = foretell(Outlook("new", 700), {}, most=1000)
    assert (found.size, found.low, found.high) == (700, 700, 700)
    any_file = {UNREAD: Fit({"one": log(0.5)}, log(0.5), log(2))}
    assert foretell(Outlook("new", 700), any_file, most=600).size == pytest.approx(350)


def test_no_line_leaves_reason() -> None:
    wild = Outlook("case", 1000, {"density": 1e6})
    assert foretell(wild, {"case": Fit({"density": 1.0})}).size < 1e6
    assert foretell(wild, {"case": Fit({"density": -1.0})}).size > 1


@pytest.mark.parametrize(
    ("policy", "quality"),
    [
        (Policy(quality=63), 63),
        (Policy(auto=True, min_score=70.5), 70),
        (Policy(quality=40, min_score=70.5), 70),
        (Policy(quality=95, min_score=70.5), 95),
    ],
)
def test_a_score_counts_as_the_quality_that_reaches_it(policy: Policy, quality: int) -> None:
    assert wanted_quality(policy) == pytest.approx(quality)


def test_a_conversion_goes_by_detail_seen_or_told() -> None:
    source = Outlook("case", 100, {"density": -1.5}, coding=Coding.LOSSY)
    told = conversion(source, 64, 90, Policy(), {})
    seen = conversion(source, 64, 90, Policy(), {"detail": -2.0})
    assert (told.case, told.traits["detail"], told.base) == ("from lossy", -1.5, 64)
    assert (seen.case, seen.traits["detail"]) == ("from lossy seen", -2.0)


def test_a_head_knows_what_is_missing() -> None:
    head = Head(b"abc", 5)
    assert (head.whole, head.padded) == (False, b"abc\0\0")
    assert Head.of(b"abc").whole and Head.of(b"abc").padded == b"abc"
