"""Sums over files, and what is said about them."""

import pytest

from benchmarks.report import document, report
from benchmarks.rows import Row, summary

GOOD = Row("a.png", "png", 1000, 250, 200, "optimized", "pngquant", 0.1, score=84.0)
EQUAL = Row("b.png", "png", 3000, 3000, 200, "already_optimal", "none", 0.1, score=100.0, exact=True)
LARGER = Row("c.png", "png", 100, 120, 200, "optimized", "clean", 0.1, score=100.0, defects=("frame times",))
REFUSED = Row("d.png", "png", 100, 0, 422, "undecodable_image: broken", "", 0.1)


def test_percentages_are_of_bytes_and_in_the_mean() -> None:
    found = summary("png", [GOOD, EQUAL])
    assert (found.saved_bytes, found.saved_mean) == (18.75, 37.5)
    assert (found.score_mean, found.score_worst, found.worst_file) == (92.0, 84.0, "a.png")


def test_what_went_wrong_is_counted_and_refusals_do_not_enter_the_sums() -> None:
    found = summary("png", [EQUAL, LARGER, REFUSED])
    assert (found.n, found.grew, found.broke, found.failed, found.exact) == (3, 1, 1, 1, 1)
    assert found.saved_mean == pytest.approx(-10)


def test_a_format_without_an_answer_has_no_figures() -> None:
    assert summary("png", [REFUSED]).saved_bytes is None
    assert "not measured" in report([REFUSED])


def test_the_report_names_what_is_wrong() -> None:
    text = report([GOOD, LARGER, REFUSED])
    assert "**c.png**: grew 100 → 120 bytes (optimized, clean); frame times" in text
    assert "**d.png**: answered 422: undecodable_image: broken" in text
    assert "a.png**" not in text


def test_floors_are_held_against_the_figures() -> None:
    lines = report([GOOD]).splitlines()
    saved = next(line for line in lines if "png: saved % of bytes" in line)
    assert saved.split("|")[2:6] == [" 75.0 ", " 67    ", " 72  ", " aim     "]


def test_the_document_holds_every_row() -> None:
    written = document([GOOD, EQUAL], [], {"quality": "70"})
    assert written["options"] == {"quality": "70"}
    assert isinstance(written["files"], list) and len(written["files"]) == 2
