"""Paths on a grid: the same line, in fewer characters."""

import subprocess
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizers.svg_grid import shorten_numbers
from optimizers.svg_path import parse
from optimizers.svg_path_writer import number, shorten
from tests.helpers import decode, difference


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("M 10.0,10.0 L 20.0,10.0 L 20.0,30.0 Z", "m10 10h10v20z"),
        ("M0 0L1 1L2 2L3 5", "m0 0 1 1 1 1 1 3"),
        ("m.5.5l.25-.25", "m.5.5.25-.25"),
        ("M100 100L101 101L5 5", "m100 100 1 1L5 5"),
        ("M0 0C0 5 5 10 10 10C15 10 20 15 20 20", "m0 0c0 5 5 10 10 10s10 5 10 10"),
        ("M0 0Q5 10 10 0Q15-10 20 0", "m0 0q5 10 10 0t10 0"),
        ("M0 0C1 1 2 2 3 3", "m0 0 3 3"),
        ("M0 0 A 5 5 0 0 1 5 5", "m0 0a5 5 0 0 1 5 5"),
        ("M0 0a5 5 0 015 5", "m0 0a5 5 0 0 1 5 5"),
        ("M0 0A0 5 0 0 1 5 6", "m0 0 5 6"),
        ("M0 0L5 5L5 5L9 0L0 0Z", "m0 0 5 5 4-5z"),
        ("M0 0h0", "m0 0h0"),
        ("M1 1zM2 2L3 3", "m1 1zm1 1 1 1"),
        ("M1 1z l2 3", "m1 1zl2 3"),
    ],
)
def test_shortest_spelling(path: str, short: str) -> None:
    assert shorten(path, 2) == short


def test_vertices_stay_where_markers_show_them() -> None:
    assert shorten("M0 0L5 5L5 5L9 0L0 0Z", 0, keep_vertices=True) == "m0 0 5 5h0l4-5H0z"


@pytest.mark.parametrize(
    ("steps", "decimals", "text"),
    [(0, 2, "0"), (-0.2, 2, "0"), (5, 1, ".5"), (-5, 2, "-.05"), (1200, 2, "12"), (1250, 2, "12.5"), (-300, 0, "-300")],
)
def test_number(steps: float, decimals: int, text: str) -> None:
    assert number(steps, decimals) == text


@pytest.mark.parametrize(
    "path", ["L1 1", "M0", "M0 0L", "M0 0,", "M0 0 5", "M0 0X", "M,0 0", "M0,,0", "M0 0A1 1 0 2 0 1 1", "M1e999 0", "0"]
)
def test_broken_path_is_left_alone(path: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        shorten(path, 2)


NUMBERS = st.decimals(-999, 999, places=4).map(str)
COMMANDS = st.one_of(
    *(
        st.tuples(st.sampled_from([letter, letter.lower()]), *[NUMBERS] * count).map(" ".join)
        for letter, count in {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2}.items()
    ),
    st.sampled_from(["Z", "a 5 9 30 0 1 8 9", "A 400 300 0 1 0 10 20"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(COMMANDS, max_size=12), st.integers(0, 6))
def test_no_point_moves_further_than_half_a_step_and_nothing_drifts(commands: list[str], decimals: int) -> None:
    path = " ".join(["M 1 2", *commands])
    short = shorten(path, decimals, keep_vertices=True)
    before, after = parse(path), parse(short)
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        for a, b in zip(old.numbers[-2:], new.numbers[-2:], strict=True):
            assert abs(a - b) <= 0.5 * 10**-decimals + 1e-6
    assert len(shorten(short, decimals, keep_vertices=True)) <= len(short)


def draw(body: str, attributes: str = 'viewBox="0 0 100 100"') -> Element:
    root: Element = fromstring(f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}>{body}</svg>')
    shorten_numbers(root, 4_000)
    return root


FINE = "M 0,0 L 33.333333,66.666666"


@pytest.mark.parametrize(
    ("body", "decimals"),
    [
        ('<path d="{}"/>', 2),
        ('<g transform="scale(.01)"><path d="{}"/></g>', 0),
        ('<g transform="scale(10) rotate(30)"><path transform="matrix(0 10 -10 0 1 1)" d="{}"/></g>', 4),
        ('<defs><path id="a" d="{}"/></defs><use href="#a" transform="scale(100)"/>', 4),
        ('<clipPath clipPathUnits="objectBoundingBox"><path d="{}"/></clipPath>', 6),
        ('<pattern><path d="{}"/></pattern>', 6),
        ('<symbol viewBox="0 0 1 1"><path d="{}"/></symbol>', 6),
        ('<svg viewBox="0 0 1 1"><path d="{}"/></svg>', 6),
        ('<path d="{}"/><animateTransform attributeName="transform" type="scale"/>', 6),
        ('<style>path{{transform:scale(9)}}</style><path d="{}"/>', 6),
        ('<g transform="scale(0)"><path d="{}"/></g>', 6),
        ('<g transform="nonsense"><path d="{}"/></g>', 6),
        ('<pattern><g transform="scale(0)"><path d="{}"/></g></pattern>', 6),
    ],
)
def test_grid_follows_what_becomes_of_the_path(body: str, decimals: int) -> None:
    path = next(element for element in draw(body.format(FINE)).iter() if element.tag.endswith("path"))
    assert path.get("d") == f"m0 0 {33.333333:.{decimals}f} {66.666666:.{decimals}f}"


def test_grid_follows_the_size_of_the_drawing() -> None:
    assert draw(f'<path d="{FINE}"/>', 'viewBox="0 0 1 1"')[0].get("d") == "m0 0 33.3333 66.6667"
    assert draw(f'<path d="{FINE}"/>', 'width="9000px" height="10"')[0].get("d") == "m0 0 33 67"
    assert draw(f'<path d="{FINE}"/>', 'width="100%"')[0].get("d") == "m0 0 33.333333 66.666666"


@pytest.mark.parametrize("box", ["0 0 1e999 1", "0 0 -5 -5", "0 0 0 0", "0 0 1e-320 0"])
def test_impossible_drawing_stays_exact(box: str) -> None:
    assert draw(f'<path d="{FINE}"/>', f'viewBox="{box}"')[0].get("d") == "m0 0 33.333333 66.666666"


def test_shapes_are_rounded_and_never_to_nothing() -> None:
    rect = draw('<rect x="1.23456" y="10%" width="0.00001" height="5.00000"/>')[0]
    assert rect.attrib == {"x": "1.23", "y": "10%", "width": "0.00001", "height": "5"}


def test_broken_path_and_endless_exponent_stay() -> None:
    assert draw('<path d="M0 0L1 oops"/>')[0].get("d") == "M0 0L1 oops"
    endless = "M0 0L1e" + "9" * 5000 + " 1"
    assert draw(f'<path d="{endless}"/>')[0].get("d") == endless


def render(path: str) -> Any:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="400" height="400">'
        f'<path d="{path}" fill="red" stroke="blue" stroke-width="2" stroke-linejoin="round"/></svg>'
    )
    done = subprocess.run(["rsvg-convert"], input=svg.encode(), capture_output=True, check=True)
    return decode(done.stdout)


@pytest.mark.parametrize(
    "path",
    [
        "M50.0004 10.0004A40 40 0 1 1 49.9996 10.0004",
        "M10 50A40.0001 40.0001 0 0 1 90 50.0002z",
        "M10 50a40 40 0 1080 0 40 40 0 10-80 0",
        "M20 20a30 15 30 0 1 60 10l-.0001-.0001A9 9 0 0 1 20 20",
        "M10 10C20 20 30 30 90 20S50 90 40 40T10 90q20-30 40 0t30 0H5V95z",
        "M10,10l.001.001.001.001 50.3333 30.3333v.0001h-20z l10 50 20-10",
    ],
)
def test_rounded_path_draws_the_same(path: str) -> None:
    assert difference(render(path), render(shorten(path, 2, 0.005))) < 0.1
