"""Does auto keep its promise, and for how many bytes and how much CPU: against the one fixed quality that would do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median

from benchmarks.study import Study, nominal
from benchmarks.workbench import Shot

CONTINUOUS = ("jpeg", "webp", "avif")
"""Formats with a dial fine enough to come near any score."""
ENOUGH = 0.9
"""Share of images that have to reach a score for a fixed quality to count as good for it."""
AGREEMENT = 0.5
"""How far the engine's own score may be from the reference program's."""
Measure = Callable[[Sequence[Study], int], list[Shot | None]]
"""Asks the engine for many images at a fixed quality."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One format and target; `searched` are the answers that a search found: all others lost nothing."""

    format: str
    target: float
    images: int
    searched: int
    reached: float | None
    """Share of the searched by the reference program."""
    nearly: float | None
    """The same within what the two scores may differ."""
    worst: float | None
    """Points from the target of the worst."""
    overshoot: float | None
    """Mean points above the target."""
    size: int
    fixed_quality: int | None
    fixed_size: int | None
    """Bytes of the same images at it."""

    @property
    def ratio(self) -> float | None:
        """Bytes of auto over those of the fixed quality."""
        return self.size / self.fixed_size if self.fixed_size else None


@dataclass(frozen=True, slots=True)
class Spent:
    """Means over the images of one format and target; CPU in seconds."""

    format: str
    target: float
    images: int
    wholes: float
    parts: float
    encode: float
    fixed: float
    """Encoding at the fixed quality that a typical picture needs."""
    ratio: float | None
    """Median over the images of encoding CPU, auto over fixed."""
    score: float


def searched(studies: Sequence[Study], target: float) -> list[Study]:
    """Those whose answer is a lossy file."""
    shots = ((one, one.auto.get(target)) for one in studies)
    return [one for one, shot in shots if shot and shot.lossy and shot.reason == "optimized" and shot.score is not None]


def promise(format: str, target: float, studies: Sequence[Study], measure: Measure | None) -> Promise:
    """`measure` is None where no fixed quality is to be looked for."""
    chosen = searched(studies, target)
    above = [(one.auto[target].score or 0.0) - target for one in chosen]
    quality = fixed_quality(chosen, target, measure) if measure and chosen else None
    sizes = [one.fixed[quality].size for one in chosen] if quality else []
    return Promise(
        format=format,
        target=target,
        images=sum(target in one.auto for one in studies),
        searched=len(chosen),
        reached=fmean(points >= 0 for points in above) if above else None,
        nearly=fmean(points >= -AGREEMENT for points in above) if above else None,
        worst=min(above, default=None),
        overshoot=fmean(above) if above else None,
        size=sum(one.auto[target].size for one in chosen),
        fixed_quality=quality,
        fixed_size=sum(sizes) if sizes else None,
    )


def fixed_quality(studies: Sequence[Study], target: float, measure: Measure) -> int | None:
    """The least quality at which enough of the images reach the score, and all of them measured at it."""
    below, above = 0, 101
    while above - below > 1:
        middle = _next(studies, below, above)
        _measure(_undecided(studies, target, middle), middle, measure)
        if sum(_reaches(one, target, middle) is True for one in studies) >= ceil(ENOUGH * len(studies)):
            above = middle
        else:
            below = middle
    if above > 100:
        return None
    _measure([one for one in studies if above not in one.fixed], above, measure)
    return above if all(above in one.fixed for one in studies) else None


def _next(studies: Sequence[Study], below: int, above: int) -> int:
    """The middle; first among the qualities that were measured anyway."""
    known = sorted(set.intersection(*(set(one.fixed) for one in studies)) & set(range(below + 1, above)))
    return known[len(known) // 2] if known else (below + above) // 2


def _undecided(studies: Sequence[Study], target: float, quality: int) -> list[Study]:
    return [one for one in studies if _reaches(one, target, quality) is None]


def _measure(studies: Sequence[Study], quality: int, measure: Measure) -> None:
    for one, shot in zip(studies, measure(studies, quality), strict=True):
        if shot:
            one.fixed[quality] = shot


def _reaches(study: Study, target: float, quality: int) -> bool | None:
    """Told by the quality itself, or by a lower one that reached the score, or a higher one that did not."""
    scores = {q: shot.score for q, shot in study.fixed.items() if shot.score is not None}
    if quality in scores:
        return scores[quality] >= target
    if any(q < quality and score >= target for q, score in scores.items()):
        return True
    return False if any(q > quality and score < target for q, score in scores.items()) else None


def spent(format: str, target: float, studies: Sequence[Study]) -> Spent | None:
    """What auto costs beside a fixed quality, over all images that were answered."""
    pairs = [
        (one.auto[target].cost, one.fixed[nominal(target)].cost)
        for one in studies
        if target in one.auto and nominal(target) in one.fixed
    ]
    if not pairs:
        return None
    return Spent(
        format=format,
        target=target,
        images=len(pairs),
        wholes=fmean(auto.wholes for auto, _ in pairs),
        parts=fmean(auto.parts for auto, _ in pairs),
        encode=fmean(auto.encode for auto, _ in pairs),
        fixed=fmean(fixed.encode for _, fixed in pairs),
        ratio=median(auto.encode / fixed.encode for auto, fixed in pairs),
        score=fmean(auto.score for auto, _ in pairs),
    )
