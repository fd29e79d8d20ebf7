"""What strangers send and what breaks underneath: every end is a sound answer or a refusal in the service's words."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks.attacks import BOMBS, UNPACKED, mutate
from exceptions import ImageLimitExceeded, PareError, UnknownFormat, UnprocessableImage
from optimizers.base import Optimizer, Source
from optimizers.engine import Engine, Outcome
from optimizers.policy import Policy
from optimizers.router import FORMATS, detect
from optimizers.samples import still
from security.file_validation import check_image
from tests.conftest import LIMITS, SEARCH_PATH, WORKER_ENV
from tests.helpers import decode, difference, encode, graphic
from utils.concurrency import Slots
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

MUTATIONS = 40
FAULTS = {
    "floods": "exec yes",
    "hangs": "sleep 60",
    "ignores SIGTERM and hangs": "trap '' TERM; sleep 60",
    "writes nothing": "exit 0",
    "writes garbage": "echo garbage",
    "dies": "kill -9 $$",
    "fails": "echo broken >&2; exit 1",
}


@pytest.fixture
async def engine(workers: WorkerPool, tmp_path: Path) -> AsyncIterator[Engine]:
    yield Engine(ToolRunner(SEARCH_PATH), workers, Slots(tmp_path, 1, 2), LIMITS, tool_timeout=20)


async def answer(engine: Engine, data: bytes) -> Outcome | PareError:
    """What a caller gets; anything but an outcome or a refusal fails the test."""
    try:
        async with asyncio.timeout(20):
            return await engine.run(Source(data), Policy())
    except PareError as error:
        return error


@pytest.mark.parametrize("optimizer", FORMATS, ids=lambda optimizer: optimizer.spec.name)
async def test_mutations_are_answered(engine: Engine, optimizer: Optimizer) -> None:
    chance = random.Random(optimizer.spec.name)
    sample, others = optimizer.sample(), [still("PNG"), still("JPEG"), still("GIF")]
    for _ in range(MUTATIONS):
        data = mutate(sample, chance.choice(others), chance)
        outcome = await answer(engine, data)
        assert isinstance(outcome, PareError) or len(outcome.data) <= len(data) or outcome.method == "clean"


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_refused_without_decoding(data: bytes) -> None:
    with pytest.raises((UnprocessableImage, ImageLimitExceeded)):
        info = detect(data).inspect(data)
        check_image(*info.displayed_size, info.frames, LIMITS)


@pytest.mark.parametrize("data", UNPACKED.values(), ids=UNPACKED.keys())
async def test_svg_bombs_are_refused(engine: Engine, data: bytes) -> None:
    assert isinstance(await answer(engine, data), UnprocessableImage | UnknownFormat)


def fake(folder: Path, tool: str, script: str) -> str:
    """A search path on which the tool is this shell script."""
    program = folder / tool
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}:{SEARCH_PATH}"


async def with_tool(search_path: str, workers: WorkerPool, folder: Path, data: bytes) -> Outcome | PareError:
    engine = Engine(ToolRunner(search_path), workers, Slots(folder / "slots", 1, 2), LIMITS, tool_timeout=1)
    return await answer(engine, data)


@pytest.mark.parametrize("script", FAULTS.values(), ids=FAULTS.keys())
async def test_a_faulty_tool_costs_no_picture(workers: WorkerPool, tmp_path: Path, script: str) -> None:
    data = encode(graphic(), "PNG")
    outcome = await with_tool(fake(tmp_path, "pngquant", script), workers, tmp_path, data)
    assert isinstance(outcome, Outcome)
    assert len(outcome.data) <= len(data)
    assert difference(decode(outcome.data), decode(data)) == 0


@pytest.mark.parametrize("lie", ["another picture", "another size"])
async def test_a_lying_tool_is_not_believed(workers: WorkerPool, tmp_path: Path, lie: str) -> None:
    picture = graphic(alpha=True)
    wrong = picture.rotate(180) if lie == "another picture" else picture.resize((40, 30))
    (tmp_path / "lie.png").write_bytes(encode(wrong.quantize(4), "PNG", optimize=True))
    outcome = await with_tool(
        fake(tmp_path, "pngquant", f"cat {tmp_path}/lie.png"), workers, tmp_path, encode(picture, "PNG")
    )
    assert isinstance(outcome, Outcome)
    assert difference(decode(outcome.data), picture) == 0


async def test_workers_killed_while_idle_cost_nothing(tmp_path: Path) -> None:
    pool = WorkerPool(2, WORKER_ENV)
    try:
        engine = Engine(ToolRunner(SEARCH_PATH), pool, Slots(tmp_path, 2, 4), LIMITS, tool_timeout=20)
        data = still("PNG")
        await asyncio.gather(*(answer(engine, data) for _ in range(3)))
        for pid in await asyncio.gather(*(pool.call(os.getpid, (), {}, timeout=20) for _ in range(2))):
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.2)
        outcomes = await asyncio.gather(*(answer(engine, data) for _ in range(3)))
        assert all(isinstance(outcome, Outcome) for outcome in outcomes), outcomes
    finally:
        await pool.close()
