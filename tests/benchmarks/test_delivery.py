"""Delivery is measured: alone over a folder, and Pare's bytes against a ladder."""

import json
from pathlib import Path

import pytest

from benchmarks.curves import Rung
from benchmarks.delivery import _looks, main
from tests.helpers import encode, photo


def test_a_folder_is_delivered_cold_and_warm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photo.jpg").write_bytes(encode(photo(), "JPEG"))
    (tmp_path / "other.png").write_bytes(encode(photo(), "PNG"))
    options = ["--every", "1", "--megapixels", "0.1", "--widths", "40,90", "--formats", "webp", "--connections", "2"]
    assert main([str(tmp_path), *options, "--json", str(tmp_path / "out")]) == 0
    found = json.loads((tmp_path / "out").read_text())
    assert [(one["server"], one["warm"]) for one in found["passes"]] == [("pare", False), ("pare", True)]
    assert all(one["rate"] > 0 and one["p99"] >= one["p50"] > 0 and one["peak_mb"] > 0 for one in found["passes"])
    assert found["looks"][0]["size"] > 0 and found["looks"][0]["score"] <= 100
    assert "| pare" in capsys.readouterr().out


def test_bytes_are_held_against_a_ladder_at_equal_score() -> None:
    ladder = [[Rung(q, 1000 * n, 50.0 + 10 * n), Rung(q, 10 * n, 55.0 + 10 * n)] for n, q in enumerate((40, 60, 80), 1)]
    looks = _looks("other", "webp", ladder, [Rung(75, 1000, 70.0), Rung(75, 40, 75.0)])
    assert (looks.quality, looks.size, looks.score) == (60, 1010.0, 72.5)
    assert looks.ratio == pytest.approx((0.5 * 2) ** 0.5)
