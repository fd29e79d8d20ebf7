"""Bytes against score: what a tool needs for a score, read off the ladder of its qualities."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log

GRID = tuple(range(50, 96, 5))
"""Scores at which curves are drawn."""
FEWEST = 3
"""Points that make a curve."""
SAME = 0.05
"""Points of score that nobody can tell apart."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One file of a ladder: its dial, bytes and SSIMULACRA2."""

    dial: int
    size: int
    score: float


Ladder = Sequence[Rung]
"""In order of the dial."""


def size_at(ladder: Ladder, score: float) -> float | None:
    """Bytes at a score, between the two rungs around it, by logarithm; None beyond the ends.

    Where scores waver, the smallest of what is found.
    """
    found = [float(rung.size) for rung in ladder if abs(rung.score - score) <= SAME]
    for low, high in pairwise(ladder):
        if min(low.score, high.score) < score < max(low.score, high.score):
            share = (score - low.score) / (high.score - low.score)
            found.append(exp(log(low.size) + share * (log(high.size) - log(low.size))))
    return min(found, default=None)


def common_grid(pictures: Sequence[Sequence[Ladder]]) -> tuple[list[int], list[int]]:
    """The scores at which most pictures can be drawn with all their ladders, and the places of those pictures."""
    covered = [{score for score in GRID if all(size_at(one, score) for one in ladders)} for ladders in pictures]
    best: tuple[list[int], list[int]] = ([], [])
    for start in range(len(GRID)):
        for end in range(start + FEWEST, len(GRID) + 1):
            grid = list(GRID[start:end])
            able = [index for index, scores in enumerate(covered) if scores.issuperset(grid)]
            best = max(best, (grid, able), key=lambda pair: len(pair[0]) * len(pair[1]))
    return best


def geometric_mean(values: Sequence[float]) -> float | None:
    """None of nothing."""
    return exp(sum(map(log, values)) / len(values)) if values else None
