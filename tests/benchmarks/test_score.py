"""The agreement of the service's score with the reference program, as a table."""

from pathlib import Path

import pytest

from benchmarks.score import main
from tests.helpers import encode, photo


def test_every_encoder_has_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photo.png").write_bytes(encode(photo(), "PNG"))
    (tmp_path / "broken.png").write_bytes(encode(photo(), "PNG")[:60])
    assert main([str(tmp_path)]) == 0
    lines = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if line.count("|") == 8]
    everything = next(line for line in lines if line[0].strip() == "all")
    assert everything[1].strip() == "13"
    assert everything[4].strip() == "100.0"


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 1
