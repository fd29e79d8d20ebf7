"""Lines through what was left of pictures, and how far they miss pictures that they have not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log

import numpy as np

from optimizers.prediction import Fit

ROUNDS = 12
RIDGE = 0.003
NEAREST = 0.01
"""Share of a file: a miss below it counts as one, so that no row pulls without end."""
LEAST_PICTURES = 2
"""Pictures, for each trait and for the constant, from which a trait is fitted."""
MOST_TRAITS = 6
WORTH = 0.98
"""Share of the mean miss that is left with a trait that pays."""
TAILS = (0.10, 0.90)


@dataclass(frozen=True, slots=True)
class Point:
    """One row as the fit sees it; `share` is what was left of `base`."""

    group: str
    picture: str
    weight: float
    traits: dict[str, float]
    share: float
    of_size: float
    """What a share of the base is worth: base over the file's size, so that misses are points of the file."""
    most: float = 1.0
    """No share is foretold above."""


def fit(points: Sequence[Point], names: Sequence[str]) -> Fit:
    """A line that misses by as few points as it can, with the bounds of four in five of what it misses."""
    missed = np.concatenate([_missed(line(train, names), test) for train, test in held_out(points)])
    weights = np.concatenate([[point.weight for point in test] for _, test in held_out(points)])
    low, high = quantiles(missed, weights)
    return Fit({name: round(value, 3) for name, value in line(points, names).items()}, round(low, 3), round(high, 3))


def judged(points: Sequence[Point], names: Sequence[str]) -> list[tuple[Point, Fit]]:
    """Each point with a fit made of other sources alone, bounds included."""
    folds = [(train, test, line(train, names)) for train, test in held_out(points)]
    missed = {test[0].group: (_missed(found, test), [point.weight for point in test]) for _, test, found in folds}
    found_of = []
    for _, test, found in folds:
        others = [values for group, values in missed.items() if group != test[0].group]
        low, high = (
            quantiles(np.concatenate([m for m, _ in others]), np.concatenate([w for _, w in others]))
            if others
            else (0, 0)
        )
        found_of += [(point, Fit(found, low, high)) for point in test]
    return found_of


def held_out(points: Sequence[Point]) -> list[tuple[list[Point], list[Point]]]:
    """For each source, the points of the others and its own."""
    groups = sorted({point.group for point in points})
    return [([p for p in points if p.group != g], [p for p in points if p.group == g]) for g in groups]


def line(points: Sequence[Point], names: Sequence[str]) -> dict[str, float]:
    """Weights by iterated least squares toward least absolute misses in points, drawn to zero a little."""
    if not points:
        return {}
    shares = np.array([max(point.share, 1e-3) for point in points])
    worth = np.array([point.weight * point.of_size for point in points]) * shares
    if not names:
        return {"one": float(_median(np.log(shares), worth))}
    rows = np.array([[point.traits[name] for name in names] for point in points])
    middle, spread = np.average(rows, axis=0, weights=worth), rows.std(axis=0) + 1e-9
    table = np.hstack([np.ones((len(rows), 1)), (rows - middle) / spread])
    drawn = np.diag([0.0, *[RIDGE * worth.sum()] * len(names)])
    pull, aim = worth.copy(), np.log(shares)
    for _ in range(ROUNDS):
        found = np.linalg.solve(table.T @ (table * pull[:, None]) + drawn, table.T @ (pull * aim))
        pull = worth / np.maximum(np.abs(table @ found - aim), NEAREST) * NEAREST * 10
    slopes = found[1:] / spread
    return {"one": float(found[0] - slopes @ middle), **dict(zip(names, map(float, slopes), strict=True))}


def quantiles(missed: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Where the tails of the misses begin, rows counted by weight."""
    order = np.argsort(missed)
    mass = np.cumsum(weights[order]) - weights[order] / 2
    low, high = np.interp(TAILS, mass / weights.sum(), missed[order])
    return min(0.0, float(low)), max(0.0, float(high))


def _median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    mass = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(mass, mass[-1] / 2)])


def _missed(weights: dict[str, float], points: Sequence[Point]) -> np.ndarray:
    found = Fit(weights)
    return np.array([np.log(max(point.share, 1e-3)) - found.share(point.traits) for point in points])


def chosen(points: Sequence[Point]) -> list[str]:
    """The traits that pay, the one that pays most first, as many as there are pictures for."""
    shared = [name for name in points[0].traits if all(name in point.traits for point in points)]
    left = [name for name in shared if len({round(point.traits[name], 6) for point in points}) > 1]
    names: list[str] = []
    best = _error(points, names)
    for _ in range(min(MOST_TRAITS, len({point.picture for point in points}) // LEAST_PICTURES - 1)):
        error, name = min(((_error(points, [*names, name]), name) for name in left), default=(best, ""))
        if error > WORTH * best:
            break
        best, names, left = error, [*names, name], [other for other in left if other != name]
    return names


def _error(points: Sequence[Point], names: Sequence[str]) -> float:
    """Mean miss of held-out sources: in points, of conversions in logarithms of the size."""
    total = 0.0
    for train, test in held_out(points):
        found = Fit(line(train, names))
        for point in test:
            share = exp(min(found.share(point.traits), log(point.most)))
            missed = log(share / point.share) if point.most == inf else point.of_size * (share - point.share)
            total += point.weight * abs(missed)
    return total / sum(point.weight for point in points)
