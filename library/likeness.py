"""Whether one image's pictures are as good as another's own: alike in shape and colours, not only in structure."""

from collections.abc import Mapping, Sequence
from typing import Any

from library.tables import READY, Asset
from library.variants import Variant

MEAN_STEPS = 6.0
"""Of 255, how far the colours of the thumbnails may be apart on average."""
WORST_STEPS = 40
"""The same for one channel of one cell."""
SHAPE = 0.03
"""How far the ratios of sides may be apart."""


def alike(twin: Asset, asset: Asset, found: Mapping[str, Any], variants: Sequence[Variant]) -> bool:
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
