"""Puts fitted numbers into the formats' own files."""

from collections.abc import Mapping

from optimizers.prediction import Fit


def write(fits: Mapping[tuple[str, str], tuple[Fit, int, float]]) -> None:
    """Not yet."""
