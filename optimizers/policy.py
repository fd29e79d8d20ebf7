"""The user's wishes, in words that no encoder owns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Self

ORIGINAL = "original"
WHITE = (255, 255, 255)
AUTO_SCORE = 80.0
"""The SSIMULACRA2 that `quality: auto` reaches where the request names no other."""
SCALE = (
    (1, 0.0),
    (20, 35.0),
    (30, 48.0),
    (40, 55.0),
    (50, 60.0),
    (60, 65.0),
    (70, 70.5),
    (80, 77.0),
    (90, 85.0),
    (95, 89.0),
    (100, 95.0),
)
"""What Pare's quality means: the SSIMULACRA2 that a photograph typically has at it, in every format."""


class Metadata(StrEnum):
    """What may stay beside the pixels.

    SAFE keeps colour profile, orientation and copyright; NONE only what the picture needs to look the same
    (colour profile, orientation); ALL keeps everything.
    """

    SAFE = "safe"
    NONE = "none"
    ALL = "all"


class Effort(StrEnum):
    """How much CPU a smaller file may cost."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Policy:
    """One request's wishes; the defaults ask for the same format at quality 80."""

    quality: int = 80
    """1-100 on Pare's scale; with `auto` only where the search starts."""
    auto: bool = False
    """The smallest file that reaches `min_score`, whatever its quality."""
    named: bool = False
    """Whether the request itself, not a default, asked for quality, score, size or format."""
    lossless: bool = False
    min_score: float | None = None
    """SSIMULACRA2 that the result must reach."""
    max_bytes: int | None = None
    targets: tuple[str, ...] = ()
    """Names of the formats that the answer may have, `original` among them; empty for the picture's own."""
    metadata: Metadata = Metadata.SAFE
    effort: Effort = Effort.BALANCED
    background: tuple[int, int, int] = WHITE
    """What transparent pixels are shown on where the answer's format knows none: red, green, blue, 0-255."""

    @property
    def seeks(self) -> bool:
        """Whether the quality has to be searched for."""
        return not self.lossless and (self.auto or self.min_score is not None or self.max_bytes is not None)

    @property
    def goal(self) -> float | None:
        """The score to reach; None where any will do."""
        return AUTO_SCORE if self.min_score is None and self.auto else self.min_score

    @property
    def nominal(self) -> float:
        """The quality that a typical picture needs."""
        return quality_for(self.goal) if self.auto and self.goal is not None else float(self.quality)

    def accepts(self, name: str) -> bool:
        """Whether the answer may have this format, which is the picture's own."""
        return not self.targets or ORIGINAL in self.targets or name in self.targets

    @property
    def canonical(self) -> Self:
        """The one spelling of all wishes that ask for the same."""
        return replace(self, targets=tuple(sorted(set(self.targets))))

    def at(self, quality: int) -> Self:
        """The same wishes at another quality."""
        return replace(self, quality=quality)


def quality_for(score: float) -> float:
    """Pare's quality that typically scores so."""
    return between([(s, q) for q, s in SCALE], score)


def typical_score(quality: float) -> float:
    """What Pare's quality typically scores."""
    return between(SCALE, quality)


def between(points: Sequence[tuple[float, float]], x: float) -> float:
    """The value at `x` on the straight lines through the points; beyond them, that of the nearest."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * max(0.0, x - x0) / (x1 - x0)
    return points[-1][1]
