"""The engine disposes: what it takes, what it refuses, and what it says about it."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from exceptions import ImageLimitExceeded, ToolTimeout, UnknownFormat, UnprocessableImage
from optimizers.base import Candidate, FormatSpec, ImageInfo, Source
from optimizers.engine import Engine
from optimizers.outcome import Outcome, Reason
from optimizers.policy import Policy
from optimizers.toolbox import Toolbox
from security.file_validation import ImageLimits
from tests.conftest import LIMITS, SEARCH_PATH
from tests.optimizers.toy import Toy, look, toy
from utils.concurrency import Slots
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

ORIGINAL = toy(4, 4)


class ActiveToy(Toy):
    spec: ClassVar[FormatSpec] = dataclasses.replace(Toy.spec, active=True)


class PassthroughToy(Toy):
    spec: ClassVar[FormatSpec] = dataclasses.replace(Toy.spec, passthrough=True)


def look_slowly(data: bytes, decoder: str | None, exact: bool) -> dict[str, Any]:
    if data[5:6] == b"z":
        time.sleep(600)
    return look(data, decoder, exact)


class SlowToy(Toy):
    look: ClassVar[Callable[..., dict[str, Any]]] = staticmethod(look_slowly)


@pytest.fixture
def run_toy(workers: WorkerPool, tmp_path: Path):
    async def run(
        optimizer: Toy, data: bytes = ORIGINAL, limits: ImageLimits = LIMITS, tool_timeout: float = 60
    ) -> Outcome:
        slots = Slots(tmp_path, 1, 1)
        engine = Engine(ToolRunner(SEARCH_PATH), workers, slots, limits, tool_timeout, formats=(optimizer,))
        return await engine.run(Source(data), Policy())

    return run


def lossless(data: bytes) -> Candidate:
    return Candidate(data, "pack", lossless=True)


def lossy(data: bytes) -> Candidate:
    return Candidate(data, "squeeze", lossless=False, dial=7, quality=80)


async def test_the_smallest_that_is_the_same_picture_wins(run_toy) -> None:
    best = toy(4, 4, length=50)
    outcome = await run_toy(Toy((lossless(toy(4, 4, length=60)), lossy(best))))
    assert (outcome.data, outcome.method, outcome.quality, outcome.reason) == (best, "squeeze", 80, Reason.OPTIMIZED)
    assert [a.verdict for a in outcome.attempts] == ["won", "beaten"]


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [
        (lossy(toy(4, 5, length=10)), "size"),
        (lossy(toy(4, 4, b"\xf0", 10)), "pixels"),
        (lossless(toy(4, 4, b"y", 10)), "pixels"),
        (lossy(toy(4, 4, b"!", 10)), "broken"),
        (lossy(b"TOY"), "cut short"),
    ],
)
async def test_another_picture_never_wins(run_toy, wrong: Candidate, verdict: str) -> None:
    outcome = await run_toy(Toy((wrong, lossless(toy(4, 4, length=90)))))
    assert outcome.data == toy(4, 4, length=90)
    assert outcome.attempts[0].verdict == verdict


async def test_a_lossless_attempt_that_fails_stands_in_no_ones_way(run_toy) -> None:
    best = toy(4, 4, length=50)
    outcome = await run_toy(Toy((lossless(toy(4, 4, b"y", 49)), lossy(best))))
    assert (outcome.data, [a.verdict for a in outcome.attempts]) == (best, ["pixels", "won"])


async def test_larger_is_never_an_answer(run_toy) -> None:
    outcome = await run_toy(Toy((lossless(toy(4, 4, length=101)), lossy(toy(4, 4, length=120)))))
    assert (outcome.data, outcome.reason) == (ORIGINAL, Reason.WOULD_BE_LARGER)


async def test_equal_is_already_optimal(run_toy) -> None:
    outcome = await run_toy(Toy((lossless(ORIGINAL),)))
    assert (outcome.data, outcome.reason) == (ORIGINAL, Reason.ALREADY_OPTIMAL)


async def test_a_little_smaller_is_not_worth_a_generation_of_loss(run_toy) -> None:
    outcome = await run_toy(Toy((lossy(toy(4, 4, length=99)), lossy(toy(4, 4, length=120)))))
    assert outcome.data == ORIGINAL
    assert [a.verdict for a in outcome.attempts] == ["not_worth_it", "larger"]


class StumblingToy(Toy):
    """Its lossy proposal comes out unreadable."""

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        if not policy.lossless:
            raise UnprocessableImage("no picture in what the tool wrote")
        async for proposal in super().optimize(cleaned, info, policy, tools):
            yield proposal


async def test_an_unreadable_lossy_proposal_does_not_cost_the_lossless_one(run_toy) -> None:
    best = toy(4, 4, length=50)
    outcome = await run_toy(StumblingToy((lossless(best),)))
    assert (outcome.data, outcome.reason) == (best, Reason.OPTIMIZED)


async def test_the_fallback_is_the_cleaned_file(run_toy) -> None:
    cleaned = toy(4, 4, length=80)
    outcome = await run_toy(Toy(cleaned=cleaned))
    assert (outcome.data, outcome.method, outcome.removed) == (cleaned, "clean", ("comment",))


async def test_a_cleaning_that_changes_the_picture_is_not_used_and_says_what_stayed(run_toy) -> None:
    outcome = await run_toy(Toy(cleaned=toy(4, 4, b"y", 80)))
    assert (outcome.data, outcome.reason, outcome.kept) == (ORIGINAL, Reason.FORMAT_PASSTHROUGH, ("comment",))


async def test_no_time_to_check_the_cleaning_is_no_reason_to_hand_back_what_had_to_go(run_toy) -> None:
    with pytest.raises(ToolTimeout):
        await run_toy(SlowToy(cleaned=toy(4, 4, b"z", 80)), tool_timeout=2)


async def test_an_active_document_is_never_handed_back_raw(run_toy) -> None:
    with pytest.raises(UnprocessableImage):
        await run_toy(ActiveToy(cleaned=toy(4, 4, b"y", 80)))


async def test_passthrough_is_said(run_toy) -> None:
    assert (await run_toy(PassthroughToy())).reason == Reason.FORMAT_PASSTHROUGH


async def test_broken_input_is_refused_whatever_was_proposed(run_toy) -> None:
    with pytest.raises(UnprocessableImage):
        await run_toy(Toy((lossless(toy(4, 4, length=1)),)), toy(4, 4, b"!"))


async def test_limits_are_held_from_the_header(run_toy) -> None:
    with pytest.raises(ImageLimitExceeded) as caught:
        await run_toy(Toy(), limits=ImageLimits(15, 100, 1))
    assert caught.value.extensions == {"limit": 15, "actual": 16}


async def test_unknown_bytes(run_toy) -> None:
    with pytest.raises(UnknownFormat):
        await run_toy(Toy(), b"hello")


class DawdlingToy(Toy):
    """Uses up all the time it is given, one tool after the other."""

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        for _ in range(30):
            await tools.call(time.sleep, 600)
        yield lossless(toy(4, 4, length=200))


async def test_tools_that_use_up_the_time_cost_the_result_not_the_answer(workers: WorkerPool, tmp_path: Path) -> None:
    slots = Slots(tmp_path, 1, 1)
    engine = Engine(ToolRunner(SEARCH_PATH), workers, slots, LIMITS, tool_timeout=1, formats=(DawdlingToy(),))
    async with asyncio.timeout(10):
        outcome = await engine.run(Source(ORIGINAL), Policy())
    assert (outcome.data, outcome.reason) == (ORIGINAL, Reason.TIME_LIMIT)
