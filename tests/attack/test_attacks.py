"""What strangers send and what breaks underneath: every end is a sound answer or a refusal in the service's words."""

import asyncio
import contextlib
import os
import random
import signal
import struct
import sys
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from benchmarks.attacks import BOMBS, UNPACKED, gif, mutate, png
from exceptions import ImageLimitExceeded, PareError, UnknownFormat, UnprocessableImage
from optimizers.base import Optimizer, Source
from optimizers.engine import Engine
from optimizers.outcome import Outcome
from optimizers.png import Png
from optimizers.policy import Policy
from optimizers.router import FORMATS, detect
from optimizers.samples import still
from security.file_validation import check_image
from tests.conftest import LIMITS, SEARCH_PATH, WORKER_ENV
from tests.helpers import decode, difference, encode, graphic
from tests.utils.heif_files import box
from utils import riff
from utils.concurrency import Slots
from utils.riff import Chunk
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


def png_exif(entries: int) -> bytes:
    """A PNG whose EXIF names so many tags that each claim all of it, 8 MB."""
    rows = b"".join(struct.pack(">HHII", tag, 7, 8 << 20, 8) for tag in range(entries))
    block = b"MM\0*\0\0\0\x08" + struct.pack(">H", entries) + rows + bytes(8 << 20)
    return png(9, 9, (b"eXIf", block), (b"IDAT", b"x"))


def avif_associations(count: int) -> bytes:
    """An AVIF that gives one item its one property so many times 20,000 times over."""
    table = box(b"ipma", struct.pack(">I", 1000) + (struct.pack(">HB", 1, 20) + b"\1" * 20) * 1000, version=0)
    meta = box(b"meta", box(b"iprp", *[table] * count), version=0)
    return box(b"ftyp", b"avif\0\0\0\0avif") + meta


def webp_chunks(count: int) -> bytes:
    """A WebP animation with a frame of so many empty chunks."""
    frame = Chunk(b"ANMF", bytes(16) + bytes(Chunk(b"JUNK", b"")) * count)
    return riff.build(b"WEBP", [Chunk(b"VP8X", b"\2" + bytes(9)), Chunk(b"ANIM", bytes(6)), frame])


def jpeg_tables(count: int) -> bytes:
    """A JPEG with so many thousands of quantization tables before its own."""
    return b"\xff\xd8" + (b"\xff\xdb" + struct.pack(">H", 65002) + bytes(65000)) * count + still("JPEG")[2:]


GREEDY = {
    "gif of stray zeros": gif(9, 9, 1)[:-1] + bytes(100_000) + b";",
    "jpeg of 20,000 tables": jpeg_tables(20),
    "avif of 200,000 associations": avif_associations(10),
    "webp of 9,000 chunks in a frame": webp_chunks(9000),
}


@pytest.mark.parametrize("data", GREEDY.values(), ids=GREEDY.keys())
def test_what_is_long_is_not_walked(data: bytes) -> None:
    """Counted in lines of Python, not by the clock."""
    lines = 0

    def count(frame: object, event: str, _: object) -> object:
        nonlocal lines
        lines += event == "line"
        assert lines < 20_000, "the walk takes as long as the file says"
        return count

    sys.settrace(count)
    try:
        with contextlib.suppress(UnprocessableImage):
            detect(data).inspect(data)
    finally:
        sys.settrace(None)


def test_metadata_that_claims_itself_a_thousand_times_takes_no_memory() -> None:
    data = png_exif(1000)
    tracemalloc.start()
    Png().inspect(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * len(data)


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
