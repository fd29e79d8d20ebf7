"""The search for a quality, written once: over any `trial(quality)`, whatever the encoder."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import ceil, exp, floor, log

from optimizers.policy import quality_for, typical_score

LITTLE = 0.03
"""Share of the bytes for which another trial does not pay: a point of score is about as much."""
SOME = 0.08
"""The same when patience is used up."""
MORE = 2
"""Trials beyond it at most."""
AIM_ABOVE = 0.4
"""Points above the goal that a guess aims at: a miss costs another trial, an excess only bytes."""
FULL = 0.95
"""Share of a byte budget from which it counts as used up."""
GROWTH = 0.032
"""Growth of log(bytes) with a step of quality, until two trials have told."""
STEEP = 2.0
"""How much steeper or flatter than the scale's curve a picture's is taken to be: scores of near qualities waver."""
CLOSE = 3.0
"""Points off the goal from which the scale's own slope tells where it lies."""
SKETCHES = 2
"""Trials that tell about where a goal lies."""
HALVING = 5
"""Trials after which what lies between two of them is halved."""
LAST = 9
"""Trials after which a search ends in any case; halving 1-100 takes seven."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one quality."""

    quality: int
    data: bytes
    score: float = 0.0
    """SSIMULACRA2; 0 where none was asked for."""


@dataclass(frozen=True, slots=True)
class Guess:
    """About where a goal lies, and in how many bytes."""

    quality: float
    size: float
    short: bool
    """Whether the goal seems to lie above the bounds."""


Try = Callable[[int], Awaitable[Trial | None]]


async def reach(try_at: Try, goal: float, start: float, bounds: tuple[int, int], patience: int) -> Trial | None:
    """The least quality within bounds that scores the goal, or one that is hardly larger; after `patience` trials one
    that is not much larger."""
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
        closing_in = len(trials) < HALVING or best is None or below < bounds[0]
        guess = _toward_score(trials, goal + AIM_ABOVE) if closing_in else (below + above) / 2
        worth = LITTLE if len(trials) < patience else SOME if len(trials) < patience + MORE else 1.0
        if best and _saving(best, trials, max(guess, below + 1)) < worth:
            break
    return best


async def locate(try_at: Try, goal: float, start: float, bounds: tuple[int, int]) -> Guess | None:
    """Where about the goal lies, told by a trial or two; None where none came off."""
    trials: list[Trial] = []
    guess = start
    while len(trials) < SKETCHES:
        quality = round(min(max(guess, bounds[0]), bounds[1]))
        trial = await try_at(quality) if all(quality != tried.quality for tried in trials) else None
        if trial is None:
            break
        trials.append(trial)
        guess = _toward_score(trials, goal + AIM_ABOVE)
        if abs(trial.score - goal) <= CLOSE:
            break
    if not trials:
        return None
    near, within = trials[-1], min(max(guess, bounds[0]), bounds[1])
    return Guess(within, len(near.data) * exp(GROWTH * (within - near.quality)), guess > bounds[1])


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
    """Where the score should be found: along the scale's own curve, as steep as the two nearest trials say."""
    near, *others = sorted(trials, key=lambda trial: abs(trial.score - score))
    if not others:
        return quality_for(typical_score(near.quality) + score - near.score)
    typical = (typical_score(near.quality + 1) - typical_score(near.quality - 1)) / 2
    found = (others[0].score - near.score) / (others[0].quality - near.quality)
    return near.quality + (score - near.score) / min(max(found, typical / STEEP), typical * STEEP)


def _saving(best: Trial, trials: Sequence[Trial], quality: float) -> float:
    """Share of its bytes that a lower quality should save, by the trial nearest to it."""
    others = [trial for trial in trials if trial.quality != best.quality]
    nearest = min(others, key=lambda trial: abs(trial.quality - quality), default=None)
    growth = GROWTH if nearest is None else _growth(best, nearest)
    return 1 - exp(-growth * max(0.0, best.quality - quality))


def _growth(one: Trial, other: Trial) -> float:
    """Of log(bytes) with a step of quality."""
    return log(max(1, len(one.data)) / max(1, len(other.data))) / (one.quality - other.quality)


def _toward_size(trials: Sequence[Trial], size: float) -> float:
    """Where the size should be found, as sizes grow: by a share with every step of quality."""
    near, *others = sorted(trials, key=lambda trial: abs(len(trial.data) - size))
    slope = GROWTH
    for other in others:
        found = _growth(near, other)
        if found > 0:
            slope = found
            break
    return near.quality + log(size / len(near.data)) / slope
