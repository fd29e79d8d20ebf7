"""The corridor: a picture in, the same picture in fewer bytes out. Formats propose, the engine disposes."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import structlog
from opentelemetry import trace

from exceptions import ToolError, ToolKilled, ToolTimeout, UnprocessableImage
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer, Source
from optimizers.policy import Policy
from optimizers.router import FORMATS, detect
from optimizers.toolbox import Toolbox
from optimizers.verify import differences
from security.file_validation import ImageLimits, check_image
from utils import metrics
from utils.concurrency import Slots
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

log = structlog.get_logger("pare.engine")
tracer = trace.get_tracer("pare")
ALLOWANCE_SECONDS = 15.0
"""What proving a result may take after proposals have used up their time: slow tools never cost the answer."""
LOSSY_SHARE = 0.98
"""A lossy file has to be below this share of the best lossless one: less is not worth a generation of loss."""


class Reason(StrEnum):
    """Why the answer is what it is; the closed list of `X-Optimization-Reason`."""

    OPTIMIZED = "optimized"
    ALREADY_OPTIMAL = "already_optimal"
    WOULD_BE_LARGER = "would_be_larger"
    TIME_LIMIT = "time_limit"
    FORMAT_PASSTHROUGH = "format_passthrough"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One candidate and what became of it."""

    candidate: Candidate
    milliseconds: float
    verdict: str
    """`won`, `beaten`, `larger`, `not_worth_it` (smaller by too little), or what the candidate would have lost."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What went in, what came out, and why."""

    source: Source
    spec: FormatSpec
    before: ImageInfo
    data: bytes
    method: str
    reason: Reason
    quality: int | None
    attempts: tuple[Attempt, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    spans: dict[str, float]
    """Milliseconds spent in `fetch`, `queue`, `inspect`, `encode`, `verify`."""

    @property
    def reduction_percent(self) -> float:
        """How much smaller, in percent of the input; negative where the result is larger."""
        return round(100 * (1 - len(self.data) / len(self.source.data)), 2)


@dataclass
class _Clock:
    spans: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            with tracer.start_as_current_span(name, record_exception=False):
                yield
        finally:
            self.spans[name] = self.spans.get(name, 0.0) + (time.perf_counter() - started) * 1000


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
    ) -> None:
        self.formats = formats
        self._runner = runner
        self._workers = workers
        self._slots = slots
        self._limits = limits
        self._tool_timeout = tool_timeout

    async def run(self, source: Source, policy: Policy, spans: Mapping[str, float] | None = None) -> Outcome:
        """Same picture, fewer bytes; `spans` are milliseconds spent before.

        Raises PareError where the input has to be refused.
        """
        clock = _Clock(dict(spans or {}))
        with clock.span("inspect"):
            optimizer = detect(source.data, self.formats)
            # In a thread: the worst file of 32 MB takes a fifth of a second, and nobody else shall wait for it.
            info = await asyncio.to_thread(optimizer.inspect, source.data)
            if optimizer.spec.decoder:
                check_image(
                    *info.displayed_size,
                    info.frames,
                    self._limits,
                    pages=info.pages,
                    pixel_bytes=info.pixel_bytes,
                    metadata=info.metadata,
                )
        async with AsyncExitStack() as held:
            with clock.span("queue"):
                await held.enter_async_context(self._slots.slot())
            tools, proof = self.toolbox(), self.toolbox(ALLOWANCE_SECONDS)
            try:
                outcome = await _Job(optimizer, source, info, policy, tools, proof, clock).run()
            finally:
                for use in (*tools.uses, *proof.uses):
                    metrics.observe_tool(use.tool, use.seconds, use.failure)
        _observe(outcome)
        return outcome

    def toolbox(self, allowance: float = 0.0) -> Toolbox:
        """Tools for one picture, with the clock started: one full run of a tool, and an allowance in seconds."""
        deadline = time.monotonic() + self._tool_timeout + allowance
        return Toolbox(self._runner, self._workers, deadline, self._tool_timeout)


@dataclass
class _Job:
    """One picture on its way; every step reads what the steps before it made."""

    optimizer: Optimizer
    source: Source
    info: ImageInfo
    policy: Policy
    tools: Toolbox
    proof: Toolbox
    clock: _Clock
    seen: dict[str, Any] | None = None
    seen_exactly: bool = False

    async def run(self) -> Outcome:
        with self.clock.span("encode"):
            cleaned = await self._clean()
            attempts = await self._propose(cleaned, self.policy)
        with self.clock.span("verify"):
            cleaned, attempts = await self._dispose(cleaned, attempts)
        return self._conclude(cleaned, attempts)

    async def _look(self, data: bytes, *, exact: bool) -> dict[str, Any]:
        seen = await self.proof.call(self.optimizer.look, data, self.optimizer.spec.decoder, exact)
        if seen is None:
            raise _error_of(self.proof)
        return seen

    async def _clean(self) -> Cleaned:
        cleaned = await self.optimizer.clean(self.source.data, self.policy.metadata, self.tools)
        if cleaned is None:
            raise _error_of(self.tools)
        return cleaned

    async def _propose(self, cleaned: Cleaned, policy: Policy) -> list[Attempt]:
        attempts = []
        started = time.perf_counter()
        try:
            async for candidate in self.optimizer.optimize(cleaned.data, self.info, policy, self.tools):
                now = time.perf_counter()
                attempts.append(Attempt(candidate, (now - started) * 1000, "beaten"))
                started = now
        except UnprocessableImage as error:
            # A tool's output, most likely; where it is the input, looking at that will tell.
            log.warning("unreadable proposal", format=self.optimizer.spec.name, detail=error.detail)
            if not policy.lossless:  # it ended the proposals: what goes without loss is asked for anew
                attempts += await self._propose(cleaned, replace(policy, lossless=True))
        return attempts

    async def _dispose(self, cleaned: Cleaned, attempts: list[Attempt]) -> tuple[Cleaned, list[Attempt]]:
        """Judge every attempt, smallest first, until one wins; without one, see that the cleaned file will do."""
        judged: list[Attempt] = []
        # Asked anew after each loser: a lossless attempt that failed no longer stands in a lossy one's way.
        while rivals := _smaller(attempts, len(cleaned.data)):
            rival = min(rivals, key=_size)
            attempts = [a for a in attempts if a is not rival]
            lost = await self._lost(rival.candidate.data, exact=rival.candidate.lossless)
            judged.append(replace(rival, verdict="; ".join(lost) or "won"))
            if not lost:
                return cleaned, [*judged, *(a if a in rivals else _unfit(a, cleaned) for a in attempts)]
        if cleaned.data == self.source.data:
            await self._original(exact=False)
        elif await self._lost(cleaned.data, exact=True, in_time=True):
            cleaned = self._uncleaned(cleaned)
        return cleaned, [*judged, *(_unfit(a, cleaned) for a in attempts)]

    async def _original(self, *, exact: bool) -> dict[str, Any]:
        """What is to be seen in the input, looked at once, or once more when a rival has to be equal to the pixel."""
        if self.seen is None or exact > self.seen_exactly:
            self.seen, self.seen_exactly = await self._look(self.source.data, exact=exact), exact
        return self.seen

    async def _lost(self, data: bytes, *, exact: bool, in_time: bool = False) -> list[str]:
        """What a file would lose against the input; with `in_time`, want of time or memory is no verdict but an error.

        Raises UnprocessableImage where the input itself is broken.
        """
        before = await self._original(exact=exact)
        try:
            after = self.optimizer.inspect(data)
            seen = await self._look(data, exact=exact)
        except (UnprocessableImage, ToolError) as error:
            if in_time and isinstance(error, ToolTimeout | ToolKilled):
                raise
            return [error.detail]
        return differences(self.info, after, before, seen, exact=exact)

    def _uncleaned(self, cleaned: Cleaned) -> Cleaned:
        if self.optimizer.spec.active:
            raise UnprocessableImage("the document cannot be made safe without changing what it shows")
        return Cleaned(self.source.data, kept=(*cleaned.removed, *cleaned.kept))

    def _conclude(self, cleaned: Cleaned, attempts: list[Attempt]) -> Outcome:
        winner = next((a.candidate for a in attempts if a.verdict == "won"), None)
        smaller = len(cleaned.data) < len(self.source.data)
        return Outcome(
            source=self.source,
            spec=self.optimizer.spec,
            before=self.info,
            data=winner.data if winner else cleaned.data,
            method=winner.method if winner else "clean" if cleaned.data != self.source.data else "none",
            reason=Reason.OPTIMIZED if winner or smaller else self._excuse(cleaned, attempts),
            quality=winner.quality if winner else None,
            attempts=tuple(attempts),
            removed=cleaned.removed,
            kept=cleaned.kept,
            spans=self.clock.spans,
        )

    def _excuse(self, cleaned: Cleaned, attempts: list[Attempt]) -> Reason:
        """Why the file did not get smaller."""
        if self.tools.timed_out:
            return Reason.TIME_LIMIT
        if cleaned.kept or self.optimizer.spec.passthrough:
            return Reason.FORMAT_PASSTHROUGH
        if attempts and min(map(_size, attempts)) > len(cleaned.data):
            return Reason.WOULD_BE_LARGER
        return Reason.ALREADY_OPTIMAL


def _error_of(tools: Toolbox) -> ToolError:
    assert tools.last_error is not None, "a tool gave no result and no reason"
    return tools.last_error


def _observe(outcome: Outcome) -> None:
    """One log line and the metrics of a picture that got its answer."""
    facts: dict[str, Any] = {
        "format": outcome.spec.name,
        "method": outcome.method,
        "reason": outcome.reason.value,
        "bytes_in": len(outcome.source.data),
        "bytes_out": len(outcome.data),
    }
    metrics.observe_optimization(**facts)
    log.info("image", **facts, milliseconds={name: round(value, 1) for name, value in outcome.spans.items()})


def _smaller(attempts: Sequence[Attempt], size: int) -> list[Attempt]:
    """Those that are smaller than `size`, the lossy ones by enough to be worth it."""
    best = min([size, *(_size(a) for a in attempts if a.candidate.lossless)])
    return [a for a in attempts if _size(a) < (size if a.candidate.lossless else best * LOSSY_SHARE)]


def _unfit(attempt: Attempt, cleaned: Cleaned) -> Attempt:
    return replace(attempt, verdict="not_worth_it" if _size(attempt) < len(cleaned.data) else "larger")


def _size(attempt: Attempt) -> int:
    return len(attempt.candidate.data)
