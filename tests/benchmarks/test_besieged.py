"""What an attack leaves behind is found."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import besieged as module
from benchmarks.besieged import KEY, Besieged


@pytest.fixture
def litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Besieged:
    """Not a service at all: a process with a tool, a zombie, a file and a log that says too much."""
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.1)
    (tmp_path / "tmp").mkdir()
    (tmp_path / "tmp" / "left").touch()
    (tmp_path / "log").write_text(f"Traceback: {KEY}")
    code = "import subprocess; zombie = subprocess.Popen(['true']); subprocess.run(['cat'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    return Besieged(process, "http://127.0.0.1:1", tmp_path)


def test_everything_left_behind_is_named(litter: Besieged) -> None:
    try:
        while "cat" not in litter.tools().values():
            time.sleep(0.01)
        words = " / ".join(litter.aftermath())
        for what in ("still runs", "is a zombie", "temporary file left: left", "a traceback", f"{KEY} in the log"):
            assert what in words
    finally:
        litter.process.communicate()


def test_a_process_that_outlives_the_service_is_named(litter: Besieged) -> None:
    while "cat" not in litter.tools().values():
        time.sleep(0.01)
    tool = next(pid for pid, name in litter.tools().items() if name == "cat")
    litter.stop()
    assert f"{tool} outlived the service" in litter.aftermath()
    assert "exit code -15" in litter.aftermath()
    litter.process.communicate()
