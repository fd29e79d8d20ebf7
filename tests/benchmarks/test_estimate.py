"""Fitting estimates: a line that is there is found, sources are held out, and numbers land in their files."""

from math import exp
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__, estimate_rows, estimate_write
from benchmarks.estimate_fit import Point, chosen, fit, held_out, judged, line, quantiles
from benchmarks.estimate_rows import load
from benchmarks.estimate_write import Fitted, home
from optimizers import jpeg_outlook, svg_outlook
from optimizers.prediction import Fit
from optimizers.router import FORMATS
from tests.helpers import encode, graphic, photo


def points(count: int = 60, noise: float = 0.05) -> list[Point]:
    """share = exp(-1 + 0.5 a), a few of each of twelve sources; b tells nothing."""
    rng = np.random.default_rng(1)
    found = []
    for number in range(count):
        a, b = rng.uniform(-1, 1, 2)
        share = exp(-1 + 0.5 * a + rng.normal(0, noise))
        found.append(Point(f"source {number % 12}", f"picture {number % 24}", 1.0, {"a": a, "b": b}, share, 1.0))
    return found


def test_a_line_that_is_there_is_found() -> None:
    data = points()
    assert chosen(data) == ["a"]
    found = line(data, ["a"])
    assert found["one"] == pytest.approx(-1, abs=0.05) and found["a"] == pytest.approx(0.5, abs=0.05)


def test_one_wild_row_bends_no_line() -> None:
    wild = Point("wild", "wild", 1.0, {"a": 1.0, "b": 0.0}, 0.001, 1.0)
    assert line([*points(), wild], ["a"])["a"] == pytest.approx(0.5, abs=0.1)


def test_the_interval_holds_four_of_five() -> None:
    data = points(240, noise=0.2)
    found = fit(data, ["a"])
    inside = [found.low <= np.log(p.share) - found.share(p.traits) <= found.high for p in data]
    assert 0.75 <= np.mean(inside) <= 0.85


def test_no_source_judges_itself() -> None:
    data = points(24)
    for train, test in held_out(data):
        assert {p.group for p in train}.isdisjoint(p.group for p in test)
    odd = [Point("odd", "odd", 1.0, {"a": 0.0, "b": 0.0}, 1.0, 1.0)] * 20
    by_point = {id(point): found for point, found in judged([*data, *odd], ["a"])}
    assert by_point[id(odd[0])].share({"a": 0.0}) < -0.8


def test_rows_count_by_weight() -> None:
    missed = np.linspace(-1, 1, 201)
    assert quantiles(missed, np.ones(201)) == pytest.approx((-0.8, 0.8), abs=0.01)
    low, high = quantiles(missed, np.where(missed < 0, 1.0, 9.0))
    assert low == pytest.approx(0, abs=0.02) and high == pytest.approx(0.89, abs=0.02)


def test_every_format_that_is_fitted_has_a_home() -> None:
    homes = {f.spec.name: home(f) for f in FORMATS}
    assert homes["jpeg"] == jpeg_outlook.__name__
    assert homes["svg"] == homes["svgz"] == svg_outlook.__name__


def test_numbers_land_in_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "outlook.py"
    copy.write_text(Path(jpeg_outlook.__file__).read_text())
    monkeypatch.setattr(jpeg_outlook, "__file__", str(copy))
    for share in (-0.25, -0.5):
        estimate_write.write({(jpeg_outlook.__name__, "case"): Fitted(Fit({"one": share}, -0.1, 0.2), 7, "1.5")})
    text = copy.read_text()
    assert '    # 7 rows, 1.5\n    "case": Fit({"one": -0.5}, -0.1, 0.2),\n' in text
    assert text.count("FITS: dict[str, Fit] = {") == 1 and '"recoded"' not in text.split("}\n")[0]
    assert text.endswith(Path(jpeg_outlook.__file__).read_text()[-500:])


def test_a_folder_is_collected_and_fitted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, rows = tmp_path / "images", tmp_path / "rows"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(encode(photo(96, 64), "JPEG", quality=97))
    (folder / "b.png").write_bytes(encode(graphic(96, 64), "PNG"))
    (folder / "MANIFEST.csv").write_text("file,source\na.jpg,somebody/pictures:a.jpg\nb.png,somebody/pictures:b.png\n")
    assert __main__.main(["estimate", str(folder), "--rows", str(rows)]) == 0
    text = capsys.readouterr().out
    assert "| all | 2 |" in text and "optimizers.jpeg_outlook recoded" in text
    found = load(rows)
    assert {row.source for row in found} == {"somebody/pictures"}
    assert {row.picture for row in found} == {"a.jpg", "b.png"}
    assert sum(row.own and row.quality == 80 and not row.target for row in found) == 2
    assert __main__.main(["estimate", "--rows", str(rows)]) == 0
    assert capsys.readouterr().out == text


def test_a_folder_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        __main__.main(["estimate"])
    assert "name a folder" in capsys.readouterr().err


def test_variants_are_other_files_of_the_same_picture() -> None:
    made = list(estimate_rows._variants(encode(photo(96, 64), "PNG"), "a.png"))
    assert len(made) >= 5 and len(set(made)) == len(made)
