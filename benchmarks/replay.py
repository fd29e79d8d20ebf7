"""Run recorded tool uses again, bare: programs as plain subprocesses, functions in one plain Python process."""

import pickle
import resource
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from benchmarks.programs import run

START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Program:
    """One run of a program."""

    argv: tuple[str, ...]
    stdin: bytes
    declined: Collection[int]

    def again(self) -> None:
        """Run it as before; raises where it fails."""
        run(*self.argv, stdin=self.stdin, declined=self.declined)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an isolated function."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def again(self) -> None:
        """Call it as before; raises what it raises."""
        self.function(*self.args, **self.kwargs)


Recording = list[Program | Call]


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


def save(recording: Recording, folder: Path, index: int) -> None:
    """Keep a recording where other processes find it."""
    (folder / str(index)).write_bytes(pickle.dumps(recording))


class Bare:
    """Plain processes that replay what was saved in a folder; reading it is not part of the cost."""

    def __init__(self, folder: Path, processes: int = 1, warm: Sequence[int] = ()) -> None:
        """Every process replays `warm` before the first question, so that imports are paid for."""
        context = get_context("spawn")
        ready = context.Barrier(processes + 1)
        self._pool = context.Pool(processes, _prepare, (folder, warm, ready))
        ready.wait(START_SECONDS)

    def one(self, index: int) -> Cost:
        """Replay one recording."""
        return self._pool.apply(_replay_saved, (index,))

    def all(self, order: Sequence[int]) -> list[Cost]:
        """Replay many, as many at once as there are processes."""
        return self._pool.map(_replay_saved, order, chunksize=1)

    def __enter__(self) -> "Bare":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()
        self._pool.join()


_saved = Path()


def _prepare(folder: Path, warm: Sequence[int], ready: Barrier) -> None:
    global _saved
    _saved = folder
    for index in warm:
        _replay_saved(index)
    ready.wait(START_SECONDS)


def _replay_saved(index: int) -> Cost:
    recording: Recording = pickle.loads((_saved / str(index)).read_bytes())  # noqa: S301 - written by this run
    return replay(recording)


def _cpu() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
