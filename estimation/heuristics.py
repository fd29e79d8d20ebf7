"""What follows from predictions: the best of several, what the caller's wishes cap, how sure one may be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from math import hypot

from optimizers.policy import Policy
from optimizers.prediction import Prediction

LEVEL = 0.8
"""Share of files whose true reduction lies in the interval."""
WORTHLESS = 3.0
"""Percent of reduction below which a file counts as optimized already."""
SURE, UNSURE = 10.0, 25.0
"""Points of interval up to which confidence is high, and from which it is low."""


class Confidence(StrEnum):
    """How wide the interval is, in a word."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Total:
    """Several estimates taken together: bytes, and percent of them that go."""

    original_size: int
    size: float
    reduction: float
    interval: tuple[float, float]
    """Least and most percent, at `LEVEL`."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What /optimize would do to one file. Sizes in bytes, reductions in percent."""

    original_size: int
    original_format: str
    width: int | None
    height: int | None
    """As displayed; None where the header was not within reach."""
    frames: int | None
    """None where more of them may follow than were looked at."""
    chosen: str
    """The format that the answer would have."""
    expected: Prediction
    conversions: Mapping[str, int]
    """Bytes in other formats."""

    @property
    def reduction(self) -> float:
        """Percent of the input that goes; negative where the answer would be larger."""
        return self._percent(self.expected.size)

    @property
    def interval(self) -> tuple[float, float]:
        """Least and most percent, at `LEVEL`."""
        return self._percent(self.expected.high), self._percent(self.expected.low)

    @property
    def confidence(self) -> Confidence:
        """By the width of the interval."""
        low, high = self.interval
        width = high - low
        return Confidence.HIGH if width <= SURE else Confidence.LOW if width > UNSURE else Confidence.MEDIUM

    @property
    def already_optimized(self) -> bool:
        """Whether there is nothing left to gain."""
        return self.chosen == self.original_format and self.reduction < WORTHLESS

    def _percent(self, size: float) -> float:
        return round(100 * (1 - size / self.original_size), 1)


def best(own: str, predictions: Mapping[str, Prediction], policy: Policy) -> tuple[str, Prediction]:
    """The format that would win and its prediction: the picture's own where it is accepted and none is smaller."""
    accepted = {name: found for name, found in predictions.items() if name != own or policy.accepts(own)}
    name = min(accepted or predictions, key=lambda name: (predictions[name].size, name != own))
    return name, within_budget(predictions[name], policy)


def within_budget(found: Prediction, policy: Policy) -> Prediction:
    """A byte budget is met where a loss can meet it."""
    if policy.max_bytes is None or policy.lossless or found.size <= policy.max_bytes:
        return found
    return replace(found, size=policy.max_bytes, low=min(found.low, policy.max_bytes))


def total_of(found: Sequence[Estimate]) -> Total:
    """The sum; misses of different images are taken for independent."""
    size, left = sum(e.original_size for e in found), sum(e.expected.size for e in found)
    below = hypot(*(e.expected.size - e.expected.low for e in found))
    above = hypot(*(e.expected.high - e.expected.size for e in found))
    least, middle, most = (
        round(100 * (1 - value / size), 1) if size else 0.0 for value in (left + above, left, left - below)
    )
    return Total(size, left, middle, (least, most))
