"""The truth is held against what was estimated, once."""

from estimation import memory
from estimation.memory import Memory
from optimizers.policy import Policy


def test_an_estimate_is_held_against_the_truth_once() -> None:
    said = Memory()
    said.remember(b"picture", Policy(), 60.0)
    assert said.error(b"picturE", Policy(), 50.0) is None
    assert said.error(b"picture", Policy(quality=50), 50.0) is None
    assert said.error(b"picture", Policy(), 50.0) == 10.0
    assert said.error(b"picture", Policy(), 50.0) is None


def test_the_last_estimate_counts() -> None:
    said = Memory()
    for reduction in (10.0, 52.5):
        said.remember(b"picture", Policy(), reduction)
    assert said.error(b"picture", Policy(), 50.0) == 2.5
    assert said.error(b"picture", Policy(), 50.0) is None


def test_the_oldest_is_forgotten() -> None:
    said = Memory()
    for number in range(memory.REMEMBERED + 1):
        said.remember(b"%d" % number, Policy(), 1.0)
    assert said.error(b"0", Policy(), 0.0) is None
    assert said.error(b"1", Policy(), 0.0) == 1.0
    assert said.error(b"%d" % memory.REMEMBERED, Policy(), 0.0) == 1.0
