"""The search for a quality, written once: over any `trial(quality)`, whatever the encoder."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log

from optimizers.policy import quality_for, typical_score

NEAR = 1.0
"""Points above the goal that are near enough: one step of quality is about as much."""
AIM_ABOVE = 0.4
"""Points above the goal that a guess aims at: a miss costs another trial, an excess only bytes."""
FLAT = 0.1
"""Points of score to a step of quality below which two trials lie on one step of the encoder and tell no slope."""
FULL = 0.95
"""Share of a byte budget from which it counts as used up."""
GROWTH = 0.032
"""Growth of log(bytes) with a step of quality, until two trials have told."""
LAST = 9
"""Trials after which a search ends in any case; halving 1-100 takes seven."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one quality."""

    quality: int
    data: bytes
    score: float = 0.0
    """SSIMULACRA2; 0 where none was asked for."""


Try = Callable[[int], Awaitable[Trial | None]]


async def reach(try_at: Try, goal: float, start: float, bounds: tuple[int, int], patience: int) -> Trial | None:
    """The least quality within bounds that scores the goal; after `patience` trials any that does will do."""
    below, above = bounds[0] - 1, bounds[1] + 1
    best: Trial | None = None
    trials: list[Trial] = []
    guess = start
    while above - below > 1 and len(trials) < LAST:
        trial = await try_at(min(max(ceil(guess), below + 1), above - 1))
        if trial is None:
            break
        trials.append(trial)
        if trial.score < goal:
            below = trial.quality
        else:
            best, above = trial, trial.quality
            if trial.score <= goal + NEAR or len(trials) >= patience:
                break
        guess = _toward_score(trials, goal + AIM_ABOVE)
    return best


async def fit(try_at: Try, budget: int, start: float, bounds: tuple[int, int], patience: int) -> Trial | None:
    """The best quality within bounds whose file is within the budget in bytes; None where even the least is over."""
    below, above = bounds[0] - 1, bounds[1] + 1
    best: Trial | None = None
    trials: list[Trial] = []
    guess = start
    while above - below > 1 and len(trials) < LAST:
        trial = await try_at(min(max(floor(guess), below + 1), above - 1))
        if trial is None:
            break
        trials.append(trial)
        if len(trial.data) > budget:
            above = trial.quality
        else:
            best, below = trial, trial.quality
            if len(trial.data) >= FULL * budget or len(trials) >= patience:
                break
        guess = _toward_size(trials, (1 + FULL) / 2 * budget)
    return best


def _toward_score(trials: Sequence[Trial], score: float) -> float:
    """Where the score should be found: on the line through the two nearest trials, or along the scale's own curve."""
    near, *others = sorted(trials, key=lambda trial: abs(trial.score - score))
    for other in others:
        slope = (other.score - near.score) / (other.quality - near.quality)
        if slope > FLAT:
            return near.quality + (score - near.score) / slope
    return quality_for(typical_score(near.quality) + score - near.score)


def _toward_size(trials: Sequence[Trial], size: float) -> float:
    """Where the size should be found, as sizes grow: by a share with every step of quality."""
    near, *others = sorted(trials, key=lambda trial: abs(len(trial.data) - size))
    slope = GROWTH
    for other in others:
        found = log(len(other.data) / len(near.data)) / (other.quality - near.quality)
        if found > 0:
            slope = found
            break
    return near.quality + log(size / len(near.data)) / slope
