"""Recording what is asked of a toolbox, and doing it again."""

import time

from benchmarks.files import Sample
from benchmarks.load import bare_rate, quantile, shuffled
from benchmarks.replay import Bare, Call, Program, record, replay
from config import load_settings
from optimizers.policy import Policy
from tests.helpers import encode, graphic, photo

SLEEP = Program(("sleep", "0.05"), b"", ())


def spin(seconds: float) -> None:
    """Keep the processor busy."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


async def test_the_tools_of_a_format_are_recorded_and_run_again() -> None:
    settings = load_settings()
    found = [Sample("a.png", "png", encode(photo(), "PNG")), Sample("b.txt", "png", b"no image")]
    picture, nothing = await record(found, Policy(), settings)
    assert any(isinstance(use, Program) and use.argv[0] == "pngquant" for use in picture)
    assert nothing == []
    assert replay(picture).cpu > 0


def test_processor_time_is_told_from_waiting() -> None:
    waited, worked = replay([SLEEP]), replay([Call(spin, (0.05,), {})])
    assert waited.wall > 0.05 > waited.cpu
    assert worked.cpu >= 0.05


def test_what_fails_again_does_not_stop_the_rest() -> None:
    assert replay([Program(("false",), b"", ()), Program(("no-such-tool",), b"", ()), SLEEP]).wall > 0.05


def test_other_processes_replay_without_being_sent_the_recording() -> None:
    recordings = [[SLEEP], [Call(lambda: spin(0.05), (), {})]]
    with Bare(recordings) as bare:
        costs = bare.all([0, 1])
        assert costs[1].cpu > costs[0].cpu
        assert bare.one(0).wall > 0.05
    assert bare_rate([[SLEEP]] * 2, 2) > 0


def test_order_and_quantiles() -> None:
    assert sorted(shuffled(9)) == list(range(9)) and shuffled(9) == shuffled(9) != list(range(9))
    values = [float(n) for n in range(1, 101)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([3.0], 0.99)) == (51, 100, 3)


async def test_proof_is_not_the_format_s_own_work() -> None:
    (recording,) = await record([Sample("a.gif", "gif", encode(graphic(), "GIF"))], Policy(), load_settings())
    assert recording
    assert all(not isinstance(use, Call) or use.function.__module__ != "optimizers.look" for use in recording)
