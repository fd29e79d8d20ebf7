"""What breaks under a running service costs nobody his answer and leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import faults
from benchmarks.judge import Tally

FAULTS = [faults.disk_full, faults.tools_killed, faults.workers_killed, faults.redis_talks_nonsense]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_it_is_survived(fault: Callable[[Path], Tally], tmp_path: Path) -> None:
    tally = fault(tmp_path)
    assert tally.failures == []
    assert tally.inputs > 1


def test_a_thousand_at_once_are_answered(tmp_path: Path) -> None:
    tally = faults.thousand_at_once(tmp_path)
    assert tally.failures == []
    assert set(tally.figures) == {"200", "503"}
    assert sum(tally.figures.values()) == faults.AT_ONCE
