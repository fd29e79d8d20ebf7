"""What breaks under a running service costs nobody his answer and leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.faults import disk_full, tools_killed, workers_killed
from benchmarks.judge import Tally
from benchmarks.process_faults import AT_ONCE, thousand_at_once
from benchmarks.redis_faults import redis_talks_nonsense

FAULTS = [disk_full, tools_killed, workers_killed, redis_talks_nonsense]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_it_is_survived(fault: Callable[[Path], Tally], tmp_path: Path) -> None:
    tally = fault(tmp_path)
    assert tally.failures == []
    assert tally.inputs > 1


def test_a_thousand_at_once_are_answered(tmp_path: Path) -> None:
    tally = thousand_at_once(tmp_path)
    assert tally.failures == []
    assert set(tally.figures) == {"200", "503"}
    assert sum(tally.figures.values()) == AT_ONCE
