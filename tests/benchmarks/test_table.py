"""Numbers as Markdown."""

import pytest

from benchmarks.table import markdown, number, verdict


def test_columns_line_up() -> None:
    assert markdown(["a", "long"], [["1", "2"]]) == "| a | long |\n| - | ---- |\n| 1 | 2    |"


def test_an_absent_number_is_a_dash() -> None:
    assert (number(None), number(1.25, 2)) == ("-", "1.25")


@pytest.mark.parametrize(("value", "reached"), [(72, "aim"), (70, "floor"), (60, "**missed**"), (None, "not measured")])
def test_more_is_better(value: float | None, reached: str) -> None:
    assert verdict(value, 67, 72) == reached


@pytest.mark.parametrize(("value", "reached"), [(1.0, "aim"), (1.05, "floor"), (1.2, "**missed**")])
def test_less_is_better(value: float, reached: str) -> None:
    assert verdict(value, 1.1, 1.03, most=True) == reached


def test_one_bar_alone() -> None:
    assert verdict(14, 15, None, most=True) == "floor"
    assert verdict(20, None, 35) == "short of the aim"
