"""Redis fails under traffic: calls are answered all along, and counted again when it is back."""

from pathlib import Path

from benchmarks.redis_faults import redis_fails


def test_redis_hangs_and_goes_and_comes_back(tmp_path: Path) -> None:
    assert redis_fails(tmp_path).failures == []
