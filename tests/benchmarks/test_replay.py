"""Recording what is asked of a toolbox, and doing it again."""

import time
from pathlib import Path

from benchmarks.files import Sample
from benchmarks.load import quantile, shuffled, smallest
from benchmarks.record import Recorder
from benchmarks.replay import Bare, Call, Program, Recording, replay, save
from config import load_settings
from optimizers.policy import Policy
from tests.helpers import encode, graphic, photo

SLEEP = Program(("sleep", "0.05"), b"", ())


def spin(seconds: float) -> None:
    """Keep the processor busy."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


async def record(data: bytes) -> Recording:
    recorder = Recorder(Policy(), load_settings())
    try:
        return await recorder.record(data)
    finally:
        await recorder.close()


async def test_the_tools_of_a_format_are_recorded_and_run_again() -> None:
    recording = await record(encode(photo(), "PNG"))
    assert any(isinstance(use, Program) and use.argv[0] == "pngquant" for use in recording)
    assert replay(recording).cpu > 0


async def test_a_refused_picture_asks_for_nothing() -> None:
    assert await record(b"no image") == []


def test_processor_time_is_told_from_waiting() -> None:
    waited, worked = replay([SLEEP]), replay([Call(spin, (0.05,), {})])
    assert waited.wall > 0.05 > waited.cpu
    assert worked.cpu >= 0.05


def test_what_fails_again_does_not_stop_the_rest() -> None:
    assert replay([Program(("false",), b"", ()), Program(("no-such-tool",), b"", ()), SLEEP]).wall > 0.05


def test_other_processes_replay_what_was_saved(tmp_path: Path) -> None:
    for index, use in enumerate([SLEEP, Call(spin, (0.05,), {})]):
        save([use], tmp_path, index)
    with Bare(tmp_path, processes=2, warm=[0]) as bare:
        waited, worked = bare.all([0, 1])
        assert worked.cpu > waited.cpu
        assert bare.one(0).wall > 0.05


def test_the_smallest_of_each_format_warms() -> None:
    found = [Sample("a", "png", b"12"), Sample("b", "gif", b"12"), Sample("c", "png", b"1")]
    assert smallest(found) == [1, 2]


def test_order_and_quantiles() -> None:
    assert sorted(shuffled(9)) == list(range(9)) and shuffled(9) == shuffled(9) != list(range(9))
    values = [float(n) for n in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([3.0], 0.99)) == (51, 100, 3)


async def test_proof_is_not_the_format_s_own_work() -> None:
    recording = await record(encode(graphic(), "GIF"))
    assert recording
    assert all(not isinstance(use, Call) or use.function.__module__ != "optimizers.look" for use in recording)
