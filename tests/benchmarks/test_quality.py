"""The whole way: pictures through the engine and the bare tools, as tables, figures and curves."""

import json
from pathlib import Path

import pytest

from benchmarks.files import format_of
from benchmarks.ladders import PILLOW, peers
from benchmarks.quality import main
from tests.helpers import encode, graphic, photo


def line(text: str, start: str) -> list[str]:
    found = next(row for row in text.splitlines() if row.startswith(f"| {start}"))
    return [cell.strip() for cell in found.split("|")[1:-1]]


def test_a_folder_is_asked_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images, out = tmp_path / "images", tmp_path / "out.json"
    images.mkdir()
    (images / "photo.jpg").write_bytes(encode(photo(), "JPEG", quality=97))
    (images / "cut.jpg").write_bytes(encode(photo(), "JPEG")[:100])
    args = ["--only", "jpeg", "--targets", "70", "--jobs", "1", "--json", str(out), "--plot", str(tmp_path / "a/b.png")]
    assert main([str(images), *args]) == 1
    text = capsys.readouterr().out
    assert "**cut.jpg**: refused" in text
    assert line(text, "JPEG")[:5] == ["JPEG", "70", "1", "1", "100.0"]
    assert line(text, "JPEG: MozJPEG")[2] == "1 of 1"
    assert line(text, "auto reaches")[-1] == "floor"
    found = json.loads(out.read_text())
    cost = found["images"][0]["auto"]["70.0"]["cost"]
    assert cost["wholes"] >= 1 and cost["parts"] == 0
    assert min(cost["encode"], cost["score"], cost["verify"]) > 0
    assert found["promises"][0]["fixed_quality"] is not None
    assert (tmp_path / "a/b.png").read_bytes().startswith(b"\x89PNG")


def test_pictures_are_converted_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photo.png").write_bytes(encode(photo(), "PNG"))
    (tmp_path / "clear.png").write_bytes(encode(graphic(alpha=True), "PNG"))
    (tmp_path / "photo.gif").write_bytes(encode(photo(), "GIF"))
    args = ["--only", "", "--every", "2", "--targets", "70", "--jobs", "1"]
    assert main([str(tmp_path), *args, "--to", "jpeg,webp"]) == 0
    text = capsys.readouterr().out
    assert line(text, "→ JPEG")[:5] == ["→ JPEG", "70", "1", "1", "100.0"]
    assert line(text, "→ WebP")[:4] == ["→ WebP", "70", "1", "1"]
    assert line(text, "→ WebP: cwebp")[2] == "1 of 1"


def test_nothing_to_measure_is_told(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 1


@pytest.mark.parametrize("format", ("png", *PILLOW))
def test_peers_write_what_they_say(format: str) -> None:
    for tool in peers()[format]:
        made = tool.encode(encode(photo(), "PNG"), tool.rungs[-1])
        assert made and format_of(made) == format, f"{tool.label} writes no {format}"
