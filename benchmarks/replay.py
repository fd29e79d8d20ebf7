"""The same tools with the same settings, bare: what the formats ask of their toolbox is recorded, then run again.

Programs are run again as plain subprocesses, isolated functions in one plain Python process. Cleaning, decoding for
proof, limits, isolation and HTTP are the service's own and not part of it.
"""

import resource
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.pool import Pool
from types import TracebackType
from typing import Any, NamedTuple, ParamSpec, TypeVar

from benchmarks.files import Sample
from benchmarks.programs import run
from config import Settings
from exceptions import PareError
from main import WORKER_PRELOAD, worker_environment
from optimizers.policy import Policy
from optimizers.router import detect
from optimizers.toolbox import Toolbox
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

P = ParamSpec("P")
T = TypeVar("T")

LONG = 600.0


@dataclass(frozen=True, slots=True)
class Program:
    """One run of a program."""

    argv: tuple[str, ...]
    stdin: bytes
    declined: Collection[int]

    def again(self) -> None:
        run(*self.argv, stdin=self.stdin, declined=self.declined)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an isolated function."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def again(self) -> None:
        self.function(*self.args, **self.kwargs)


Recording = list[Program | Call]


class Recorder(Toolbox):
    """A toolbox that remembers what it was asked for."""

    recording: Recording

    async def run(self, tool: str, *args: str, stdin: bytes, no_result: Collection[int] = ()) -> bytes | None:
        self.recording.append(Program((tool, *args), stdin, no_result))
        return await super().run(tool, *args, stdin=stdin, no_result=no_result)

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        self.recording.append(Call(function, args, kwargs))
        return await super().call(function, *args, **kwargs)


async def record(samples: Sequence[Sample], policy: Policy, settings: Settings) -> list[Recording]:
    """What each sample's format asks for while it optimizes; nothing for a sample that is refused."""
    workers = WorkerPool(1, worker_environment(settings), WORKER_PRELOAD)
    try:
        return [await _record(sample.data, policy, ToolRunner(settings.search_path), workers) for sample in samples]
    finally:
        await workers.close()


async def _record(data: bytes, policy: Policy, runner: ToolRunner, workers: WorkerPool) -> Recording:
    tools = Recorder(runner, workers, time.monotonic() + LONG, LONG)
    tools.recording = []
    try:
        optimizer = detect(data)
        info = optimizer.inspect(data)
        cleaned = await optimizer.clean(data, policy.metadata, tools)
        tools.recording = []
        if cleaned is not None:
            async for _ in optimizer.optimize(cleaned.data, info, policy, tools):
                pass
    except PareError:
        return []
    return tools.recording


class Cost(NamedTuple):
    """Seconds of CPU (this process and its children) and of wall time."""

    cpu: float
    wall: float


def replay(recording: Recording) -> Cost:
    """Do it all again; what failed then may fail now."""
    cpu, wall = _cpu(), time.perf_counter()
    for use in recording:
        with suppress(Exception):
            use.again()
    return Cost(_cpu() - cpu, time.perf_counter() - wall)


def _cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


class Bare:
    """Plain processes that replay recordings; they are forked, so that no recording has to be sent to them."""

    def __init__(self, recordings: Sequence[Recording], processes: int = 1) -> None:
        global _recordings
        _recordings = recordings
        self._pool: Pool = get_context("fork").Pool(processes)

    def one(self, index: int) -> Cost:
        """Replay one recording."""
        return self._pool.apply(_replay_at, (index,))

    def all(self, order: Sequence[int]) -> list[Cost]:
        """Replay many, as many at once as there are processes."""
        return self._pool.map(_replay_at, order, chunksize=1)

    def __enter__(self) -> "Bare":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()
        self._pool.join()


_recordings: Sequence[Recording] = ()


def _replay_at(index: int) -> Cost:
    return replay(_recordings[index])
