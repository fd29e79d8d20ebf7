"""The engine run inside this process, one picture at a time, with what every answer cost and how it looks."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import structlog

from benchmarks.compare import worst
from benchmarks.pictures import Picture, Undecodable, look_at
from benchmarks.processes import own_cpu_seconds
from config import load_settings
from exceptions import PareError
from machinery import WORKER_PRELOAD, worker_environment
from optimizers import pixels, score
from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.outcome import Outcome
from optimizers.policy import Policy
from optimizers.router import FORMATS
from security.file_validation import ImageLimits
from utils.concurrency import Slots
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

T = TypeVar("T")

LONG = 600
"""Seconds for a tool: a loaded machine shall change no figure."""
LOOKS = {format.look for format in FORMATS}


@dataclass
class Cost:
    """CPU seconds of the service and its tools for one picture; trials are results that were scored."""

    encode: float = 0.0
    """Everything but the two below."""
    score: float = 0.0
    verify: float = 0.0
    wholes: int = 0
    """Trials on the whole picture."""
    parts: int = 0
    """Trials on a part of it."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One answer of the engine; `score` by the reference program, None where it could not be taken."""

    size: int
    lossy: bool
    reason: str
    method: str
    quality: int | None
    own_score: float | None
    score: float | None
    cost: Cost


class MeteredPool(WorkerPool):
    """Isolated workers that tell scoring and proving from the rest. For one call at a time."""

    cost = Cost()
    _part: bytes | None = None

    async def call(
        self, function: Callable[..., T], args: Sequence[Any], kwargs: Mapping[str, Any], *, timeout: float
    ) -> T:
        """Run a function in a worker, and book its CPU."""
        started = own_cpu_seconds()
        try:
            result = await super().call(function, args, kwargs, timeout=timeout)
        finally:
            self._book(function, args, own_cpu_seconds() - started)
        if function is pixels.sample:
            assert isinstance(result, bytes)
            self._part = result
        return result

    def _book(self, function: Callable[..., Any], args: Sequence[Any], used: float) -> None:
        if function is score.scores:
            on_part = args[0] is self._part
            self.cost.score += used
            self.cost.parts += on_part
            self.cost.wholes += not on_part
        elif function in LOOKS:
            self.cost.verify += used


class Workbench:
    """An engine with a worker of its own, warm; the worker ends with this process."""

    def __init__(self, folder: Path) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        settings = load_settings()
        limits = ImageLimits(settings.max_pixels, settings.max_total_pixels, settings.max_frames)
        self._workers = MeteredPool(1, worker_environment(settings), WORKER_PRELOAD)
        slots = Slots(folder, 1, 1)
        self._engine = Engine(ToolRunner(settings.search_path), self._workers, slots, limits, LONG)
        self._loop = asyncio.Runner()
        for format in FORMATS:  # so that no picture pays for imports
            self.run(format.sample(), Policy(auto=True, named=True))

    def shoot(self, data: bytes, policy: Policy) -> Shot | None:
        """One answer, measured and scored; None where the picture is refused."""
        outcome, cost = self.run(data, policy)
        if outcome is None:
            return None
        return Shot(
            size=len(outcome.data),
            lossy=outcome.quality is not None,
            reason=outcome.reason.value,
            method=outcome.method,
            quality=outcome.quality,
            own_score=outcome.score,
            score=looks(data, outcome.data),
            cost=cost,
        )

    def run(self, data: bytes, policy: Policy) -> tuple[Outcome | None, Cost]:
        """One answer and its cost."""
        cost = self._workers.cost = Cost()
        started = own_cpu_seconds()
        outcome = None
        with suppress(PareError):
            outcome = self._loop.run(self._engine.run(Source(data), policy))
        cost.encode = own_cpu_seconds() - started - cost.score - cost.verify
        return outcome, cost


def looks(original: bytes, result: bytes) -> float | None:
    """The reference program's score of the whole picture: its worst sampled frame. None where a frame is missing."""
    if original == result:
        return 100.0
    try:
        before, after = _seen(original), look_at(result)
    except Undecodable:
        return None
    return worst(before, after) if len(before.digests) == len(after.digests) else None


@lru_cache(1)
def _seen(original: bytes) -> Picture:
    return look_at(original)
