"""Drawings as pixels: the right size, nothing from outside, within bounds."""

import base64
import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exceptions import UnprocessableImage
from optimizers.score import scores
from optimizers.svg_render import DECODER, decode, draw, shown
from optimizers.toolbox import Toolbox
from tests.helpers import decode as decode_png
from tests.helpers import encode

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
RED = (255, 0, 0, 255)


def drawing(body: str, attributes: str = 'width="40" height="20"') -> bytes:
    return f"<svg {NS} {attributes}>{body}</svg>".encode()


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="40" height="20"', (512, 256)),
        ('viewBox="0 0 700 350"', (700, 350)),
        ('width="20in" height="100%" viewBox="0 0 2 1"', (1024, 512)),
        ('width="99999999" height="99999999"', (1024, 1024)),
        ("", (512, 256)),
        ('width="0.2" height="5000"', (1, 1024)),
    ],
)
def test_a_drawing_is_compared_at_a_bounded_size(attributes: str, size: tuple[int, int]) -> None:
    assert shown(drawing('<rect width="9" height="9"/>', attributes)).size == size


def test_what_is_drawn_is_seen_where_it_is() -> None:
    image = draw(drawing('<rect width="50%" height="20" fill="red"/>'), 80, 40)
    assert [image.getpixel(at) for at in ((20, 20), (60, 20))] == [RED, (0, 0, 0, 0)]


@pytest.mark.parametrize("address", ["{file}", "file://{file}", "{name}", "../{name}"])
def test_no_file_is_loaded(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "red.png").write_bytes(encode(Image.new("RGB", (9, 9), "red"), "PNG"))
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner" if address.startswith("..") else tmp_path)
    address = address.format(file=tmp_path / "red.png", name="red.png")
    body = f'<image xlink:href="{address}" href="{address}" width="40" height="20"/>'
    assert shown(drawing(body)).getextrema() == ((0, 0),) * 4


def test_pixels_inside_the_document_are_drawn() -> None:
    data = base64.b64encode(encode(Image.new("RGB", (9, 9), "red"), "PNG")).decode()
    body = f'<image href="data:image/png;base64,{data}" width="40" height="20" preserveAspectRatio="none"/>'
    assert draw(drawing(body), 40, 20).getpixel((20, 10)) == RED


@pytest.mark.parametrize("data", [b"<html/>", b"<svg", drawing("<g>"), drawing(" " * (9 << 20))])
def test_what_cannot_be_rendered_is_refused(data: bytes) -> None:
    with pytest.raises(UnprocessableImage):
        shown(data)


@pytest.mark.parametrize(("fill", "alpha"), [("none", True), ("#00f", False)])
def test_decode_gives_pixels_at_the_own_size(fill: str, alpha: bool) -> None:
    found = decode(drawing(f'<rect width="40" height="20" fill="{fill}"/>'), "", 1, False)
    picture = decode_png(found["frames"][0])
    assert (found["width"], found["height"], found["alpha"]) == (40, 20, alpha)
    assert (picture.size, picture.mode) == ((40, 20), "RGBA" if alpha else "RGB")


async def test_drawings_are_scored_in_an_isolated_worker(tools: Toolbox) -> None:
    one, other = drawing('<circle cx="20" cy="10" r="9"/>'), drawing('<circle cx="20" cy="10" r="8"/>')
    same, different = await tools.call(scores, one, DECODER, [one, other], DECODER, 0) or []
    assert same == 100 and different < 60


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_rendering_is_total(data: st.DataObject) -> None:
    broken = bytearray(drawing('<path d="M0 0C1 1 2 2 9 9A3 3 0 1 0 5 5z" style="filter:blur(2px)"/>'))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(broken)))
        broken[at : at + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=5))
    with contextlib.suppress(UnprocessableImage):
        assert max(shown(bytes(broken)).size) in range(512, 1025)
