"""The corridor: a picture in, the same picture in fewer bytes out. Formats propose, the engine disposes."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog

from optimizers.base import ImageInfo, Optimizer, Source
from optimizers.conversion import Conversion, suitable
from optimizers.outcome import Clock, Outcome
from optimizers.policy import Policy
from optimizers.recompression import Recompression
from optimizers.rendering import Rendering, Rendition, writers
from optimizers.router import FORMATS, detect
from optimizers.task import Task
from optimizers.toolbox import Toolbox
from security.file_validation import ImageLimits, check_image
from utils import metrics
from utils.concurrency import Slots
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

log = structlog.get_logger("pare.engine")
SCORE_FLOOR = 60.0
ALLOWANCE_SECONDS = 15.0
"""What proving a result may take after proposals have used up their time: slow tools never cost the answer."""


class Engine:
    """Runs pictures through the corridor with real tools, a bounded number at a time."""

    def __init__(
        self,
        runner: ToolRunner,
        workers: WorkerPool,
        slots: Slots,
        limits: ImageLimits,
        tool_timeout: float,
        formats: Sequence[Optimizer] = FORMATS,
        score_floor: float = SCORE_FLOOR,
    ) -> None:
        self.formats = formats
        self._score_floor = score_floor
        self._runner = runner
        self._workers = workers
        self._slots = slots
        self._limits = limits
        self._tool_timeout = tool_timeout

    async def run(self, source: Source, policy: Policy, spans: Mapping[str, float] | None = None) -> Outcome:
        """Same picture, fewer bytes; `spans` are milliseconds spent before.

        Raises PareError where the input has to be refused.
        """
        async with self._admitted(source, policy, spans) as task:
            outcome = await self._best(task)
        return _observed(outcome, task)

    async def render(
        self, source: Source, rendition: Rendition, policy: Policy, spans: Mapping[str, float] | None = None
    ) -> Outcome:
        """Another picture of the same thing, in its own format or the best of the policy's targets.

        Raises PareError where the input has to be refused or cannot be redrawn.
        """
        async with self._admitted(source, policy, spans) as task:
            outcome = await Rendering(task, writers(self.formats, task), rendition=rendition).run()
        return _observed(outcome, task)

    @asynccontextmanager
    async def _admitted(self, source: Source, policy: Policy, spans: Mapping[str, float] | None) -> AsyncIterator[Task]:
        """A picture within the limits, with a slot to work on it; the use of tools is counted in the end."""
        clock = Clock(dict(spans or {}))
        with clock.span("inspect"):
            optimizer = detect(source.data, self.formats)
            # In a thread: the worst file of 32 MB takes a fifth of a second, and nobody else shall wait for it.
            info = await asyncio.to_thread(optimizer.inspect, source.data)
            admit(optimizer, info, self._limits, drawn=not policy.accepts(optimizer.spec.name))
        async with AsyncExitStack() as held:
            with clock.span("queue"):
                await held.enter_async_context(self._slots.slot())
            task = Task(source, optimizer, info, policy, self._score_floor, self.toolbox(), self.proof(), clock)
            try:
                yield task
            finally:
                for use in task.uses:
                    metrics.observe_tool(use.tool, use.seconds, use.failure)

    async def _best(self, task: Task) -> Outcome:
        """The smallest of what the accepted formats make of it; its own format where no other is smaller."""
        targets = suitable(self.formats, task.optimizer, task.info, task.policy)
        if not targets:
            return await Recompression(task).run()
        if not task.policy.accepts(task.optimizer.spec.name):
            return await Conversion(task, targets).run()
        own = await Recompression(task).run()
        other = await Conversion(task, targets).run()
        best, beaten = (other, own) if len(other.data) < len(own.data) else (own, other)
        return replace(best, attempts=(*best.attempts, *beaten.attempts))

    def proof(self) -> Toolbox:
        """Tools for proving a result, with time of their own."""
        return self.toolbox(ALLOWANCE_SECONDS)

    def toolbox(self, allowance: float = 0.0) -> Toolbox:
        """Tools for one picture, with the clock started: one full run of a tool, and an allowance in seconds."""
        deadline = time.monotonic() + self._tool_timeout + allowance
        return Toolbox(self._runner, self._workers, deadline, self._tool_timeout)


def admit(optimizer: Optimizer, info: ImageInfo, limits: ImageLimits, *, drawn: bool = False) -> None:
    """Raises ImageLimitExceeded where decoding the picture, or drawing it, would take too much."""
    if optimizer.spec.decoder or drawn:
        check_image(
            *info.displayed_size,
            info.frames,
            limits,
            pages=info.pages,
            pixel_bytes=info.pixel_bytes,
            metadata=info.metadata,
        )


def _observed(outcome: Outcome, task: Task) -> Outcome:
    """One log line and the metrics of a picture that got its answer; the outcome, with whether tools failed it."""
    facts: dict[str, Any] = {
        "format": outcome.spec.name,
        "method": outcome.method,
        "reason": outcome.reason.value,
        "bytes_in": len(outcome.source.data),
        "bytes_out": len(outcome.data),
    }
    metrics.observe_optimization(**facts)
    metrics.observe_spans(outcome.spans)
    if outcome.score is not None:
        metrics.QUALITY_SCORE.observe(outcome.score)
    spent = {name: round(value, 1) for name, value in outcome.spans.items()}
    log.info("image", **facts, made=outcome.made.name, score=outcome.score, milliseconds=spent)
    return replace(outcome, repeatable=not any(use.failure for use in task.uses))
