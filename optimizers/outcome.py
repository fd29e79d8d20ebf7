"""What became of a picture: the values that leave the engine."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from opentelemetry import trace

from optimizers.base import Candidate, FormatSpec, ImageInfo, Source

tracer = trace.get_tracer("pare")


class Reason(StrEnum):
    """Why the answer is what it is; the closed list of `X-Optimization-Reason`."""

    OPTIMIZED = "optimized"
    ALREADY_OPTIMAL = "already_optimal"
    WOULD_BE_LARGER = "would_be_larger"
    BUDGET_UNREACHABLE = "budget_unreachable"
    SCORE_UNREACHABLE = "score_unreachable"
    TIME_LIMIT = "time_limit"
    FORMAT_PASSTHROUGH = "format_passthrough"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One candidate and what became of it."""

    candidate: Candidate
    milliseconds: float
    verdict: str
    """`won`, `beaten`, `larger`, `not_worth_it` (smaller by too little), or what the candidate would have lost."""

    @property
    def told(self) -> "Told":
        """The attempt without its bytes."""
        made = self.candidate
        facts = (made.method, made.dial, len(made.data), made.score, made.lossless)
        return Told(*facts, self.milliseconds, self.verdict)


class Told(NamedTuple):
    """One attempt as receipts tell of it; `size` in bytes."""

    method: str
    dial: int | None
    size: int
    score: float | None
    lossless: bool
    milliseconds: float
    verdict: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What went in, what came out, and why."""

    source: Source
    spec: FormatSpec
    """The format that came in."""
    made: FormatSpec
    """The format that went out."""
    before: ImageInfo
    """What the result was held against: the picture that came in, or what was drawn of it."""
    data: bytes
    method: str
    reason: Reason
    quality: int | None
    score: float | None
    """SSIMULACRA2 of the result against the input, where measured."""
    attempts: tuple[Told, ...]
    removed: tuple[str, ...]
    kept: tuple[str, ...]
    spans: dict[str, float]
    """Milliseconds spent in `fetch`, `queue`, `inspect`, `encode`, `score`, `verify`; none is part of another."""
    repeatable: bool = True
    """Whether the same input would give the same again: no tool failed on the way."""
    cache: str | None = None
    """How the result cache was used, in the words of `Cache-Status` (RFC 9211)."""

    @property
    def reduction_percent(self) -> float:
        """How much smaller, in percent of the input; negative where the result is larger."""
        return round(100 * (1 - len(self.data) / len(self.source.data)), 2)


@dataclass
class Clock:
    """Where one picture's time goes."""

    spans: dict[str, float] = field(default_factory=dict)
    _inside: float = 0.0

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Count the time spent here, less that of spans inside."""
        started, outside, self._inside = time.perf_counter(), self._inside, 0.0
        try:
            with tracer.start_as_current_span(name, record_exception=False):
                yield
        finally:
            took = (time.perf_counter() - started) * 1000
            self.spans[name] = self.spans.get(name, 0.0) + took - self._inside
            self._inside = outside + took
