"""Whether one image's pictures are as good as another's own: alike in shape and colours, not only in structure."""

from collections.abc import Sequence
from math import sqrt

from library.fingerprint import Look
from library.tables import READY, Asset
from library.variants import Variant

MEAN_STEPS = 4.0
"""Of 255, how far the colours of the thumbnails may be apart on average."""
WORST_STEPS = 24
"""The same for one channel of one cell."""
CORRELATED = 0.7
FLAT = 64.0
"""Sum of squares up to which a thumbnail is all of one light: a step for each cell."""
SHAPE = 0.03
"""How far the ratios of sides may be apart."""


def alike(twin: Asset, asset: Asset, found: Look, variants: Sequence[Variant]) -> bool:
    """Whether the twin's renditions can stand for those of the asset, of which `found` tells (`fingerprint`)."""
    return (
        twin.state == READY
        and same_colours(twin.colours, found["colours"])
        and _same_shape(twin, asset)
        and _as_good(twin, asset, found["alpha"], variants)
    )


def same_colours(first: bytes, second: bytes) -> bool:
    """Whether two thumbnails of colours agree: a picture in other colours has the same structure."""
    steps = [abs(a - b) for a, b in zip(first, second, strict=True)]
    return sum(steps) <= MEAN_STEPS * len(steps) and max(steps) <= WORST_STEPS


def same_light(first: bytes, second: bytes) -> bool:
    """Whether light and dark lie alike in two thumbnails, whatever their colours.

    Of smooth pictures a pHash tells little: it takes a gradient for another one that runs across it.
    """
    one, other = _light(first), _light(second)
    strong = [sum(value * value for value in light) for light in (one, other)]
    if min(strong) < FLAT:
        return max(strong) < FLAT
    return sum(a * b for a, b in zip(one, other, strict=True)) >= CORRELATED * sqrt(strong[0] * strong[1])


def _light(thumbnail: bytes) -> list[float]:
    """How far each cell is from the mean, in steps of 255."""
    cells = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in zip(*(thumbnail[n::3] for n in range(3)), strict=True)]
    mean = sum(cells) / len(cells)
    return [cell - mean for cell in cells]


def _same_shape(twin: Asset, asset: Asset) -> bool:
    ours, its = asset.original_width * twin.original_height, twin.original_width * asset.original_height
    return abs(ours - its) <= SHAPE * max(ours, its)


def _as_good(twin: Asset, asset: Asset, alpha: bool, variants: Sequence[Variant]) -> bool:
    """Whether it has every variant, in the right format, and none smaller than what would be drawn."""
    made = {row.preset: row for row in twin.renditions}
    if made.keys() != {variant.name for variant in variants}:
        return False
    for variant in variants:
        width, height = variant.size_of(asset.original_width, asset.original_height)
        row = made[variant.name]
        if row.format != variant.format(alpha=alpha) or row.width < width - 1 or row.height < height - 1:
            return False
    return True
