"""Server processes that end, by SIGTERM or without a word, lose no request that was let in."""

from pathlib import Path

import pytest

from benchmarks.process_faults import server_process_killed, sigterm_in_flight


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_in_flight(tmp_path: Path, workers: int) -> None:
    tally = sigterm_in_flight(tmp_path, workers)
    assert tally.failures == []
    assert tally.figures["seconds from SIGTERM to exit"] < 30


def test_one_of_two_server_processes_is_killed(tmp_path: Path) -> None:
    assert server_process_killed(tmp_path).failures == []
