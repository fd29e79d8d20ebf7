"""What will be left of a picture, told from its first bytes: values, and lines fitted to what was left of others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import exp, inf, log
from typing import Self

from optimizers.policy import Policy, quality_for

HEAD_BYTES = 64 << 10
"""What an estimate by URL costs its source."""
LEAST, MOST = -5.3, 5.0
"""No logarithm of a share is foretold outside: half a percent at least."""
SEEN = " seen"
"""Ends the name of a case that knows a sketch of the pixels."""
UNREAD = "unread"
"""The case of a file whose header is out of reach."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first bytes of a file, perhaps all, and how many it has."""

    data: bytes
    size: int

    @classmethod
    def of(cls, data: bytes) -> Self:
        """A file that is all there."""
        return cls(data, len(data))

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return len(self.data) >= self.size

    @property
    def padded(self) -> bytes:
        """As many bytes as the file has: for readers that look no further than the header."""
        return self.data.ljust(self.size, b"\0")


class Coding(StrEnum):
    """What a file's bytes tell of the detail in its picture."""

    LOSSY = "lossy"
    EXACT = "exact"
    RAW = "raw"
    """Nothing: they are as many for every picture."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What of a file bears on what will be left of it."""

    case: str
    """What will be done to it; each case has a fit of its own."""
    base: float
    """What the fitted share is of: bytes of the cleaned file, or pixels of a converted one."""
    traits: Mapping[str, float] = field(default_factory=dict)
    method: str = "clean"
    coding: Coding = Coding.EXACT


@dataclass(frozen=True, slots=True)
class Fit:
    """A line: log(share) = sum of weights × traits, with `low` and `high` where 80 % of what was left lay beside it."""

    weights: Mapping[str, float]
    low: float = 0.0
    high: float = 0.0

    def share(self, traits: Mapping[str, float]) -> float:
        """The logarithm of the share."""
        return sum(weight * traits.get(name, 1.0) for name, weight in self.weights.items())


@dataclass(frozen=True, slots=True)
class Prediction:
    """Bytes that will be left, and between what bounds in four of five files."""

    size: float
    low: float
    high: float
    method: str


def foretell(outlook: Outlook, fits: Mapping[str, Fit], most: float = inf) -> Prediction:
    """The prediction of an outlook by its case's fit, or that of any file of its format; never above `most` bytes."""
    fit = fits.get(outlook.case) or fits.get(UNREAD) or Fit({})
    middle = fit.share(outlook.traits)
    size, low, high = (min(most, outlook.base * _share(middle + beside)) for beside in (0, fit.low, fit.high))
    return Prediction(size, low, high, outlook.method)


def _share(logarithm: float) -> float:
    return exp(min(max(logarithm, LEAST), MOST))


def conversion(
    source: Outlook, pixels: int, source_quality: int | None, policy: Policy, seen: Mapping[str, float]
) -> Outlook:
    """What bears on the size of a picture in another format: what its own tells of detail."""
    traits = {
        "detail": source.traits.get("density", 0.0),
        "quality": wanted_quality(policy) / 100,
        "pixels": log(max(1, pixels)),
        "source": (source_quality or policy.quality) / 100,
        **seen,
    }
    return Outlook(f"from {source.coding}" + (SEEN if "detail" in seen else ""), pixels, traits, "convert")


def wanted_quality(policy: Policy) -> float:
    """The quality that the answer will have about, a score to reach taken for what typically scores it."""
    if policy.auto and policy.goal is not None:
        return quality_for(policy.goal)
    return max(policy.quality, quality_for(policy.min_score) if policy.min_score is not None else 0)


def density(size: float, width: int, height: int, frames: int = 1) -> float:
    """log(bytes a pixel)."""
    return log(max(size, 1.0) / max(1, width * height * frames))
