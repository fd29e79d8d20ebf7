"""What is printed about cost, and one run of everything but the load."""

from pathlib import Path

import pytest

from benchmarks import overhead
from benchmarks.load import Load
from benchmarks.overhead import Cpu, Throughput, report
from config import load_settings
from machinery import worker_environment
from tests.helpers import encode, photo


def line(text: str, start: str) -> list[str]:
    found = next(row for row in text.splitlines() if row.startswith(f"| {start}"))
    return [cell.strip() for cell in found.split("|")[1:-1]]


def test_the_total_is_of_sums_and_held_against_the_floor() -> None:
    text = report([Cpu("jpeg", 2, 3.0, 2.0), Cpu("avif", 1, 0.3, 0.0)], added=20.0, peak=None, loads=[])
    assert line(text, "avif") == ["avif", "1", "0.30", "0.00", "-"]
    assert line(text, "total") == ["total", "3", "3.30", "2.00", "1.650"]
    assert line(text, "CPU over")[1:] == ["1.650", "1.1", "1.03", "**missed**"]
    assert line(text, "added ms")[1:] == ["20.0", "15.0", "-", "**missed**"]
    assert line(text, "peak MB")[-1] == "not measured"


def test_throughput_is_held_against_the_bare_tools() -> None:
    loads = [Throughput(Load(n, rate=9.0, p50=0.1, p99=0.1 * n, failed=0), bare_rate=10.0) for n in (1, 2, 4, 8)]
    text = report([Cpu("png", 1, 1.0, 1.0)], added=1.0, peak=200.0, loads=loads)
    assert line(text, "8 ") == ["8", "9.00", "10.00", "0.900", "0.100", "0.800", "0"]
    assert line(text, "least images/s")[-1] == "floor"
    assert line(text, "p99 at 8")[1] == "4.00"
    assert line(text, "peak MB")[-1] == "aim"


def test_a_folder_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in worker_environment(load_settings()).items():
        monkeypatch.setenv(name, value)  # what the run sets is taken back after the test
    (tmp_path / "good.png").write_bytes(encode(photo(), "PNG"))
    (tmp_path / "cut.jpg").write_bytes(encode(photo(), "JPEG")[:100])
    assert overhead.main([str(tmp_path), "--no-load", "--repetitions", "1"]) == 1
    text = capsys.readouterr().out
    assert "**cut.jpg: answered 422" in text
    assert float(line(text, "png")[2]) > 0
