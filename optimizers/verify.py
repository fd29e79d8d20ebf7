"""Is it still the same picture? Holds what is to be seen in a candidate against what was seen in the original."""

from collections.abc import Mapping
from operator import sub
from typing import Any

from optimizers.base import ImageInfo

THUMB_TOLERANCE = 16.0
"""Mean absolute difference of two thumbnails, in 8-bit steps, past which they show different pictures."""


def differences(
    before: ImageInfo, after: ImageInfo, seen_before: Mapping[str, Any], seen_after: Mapping[str, Any], *, exact: bool
) -> list[str]:
    """In words, what is not the same any more; empty when nothing is lost."""
    checks = {
        "size": before.displayed_size == after.displayed_size,
        "orientation": before.orientation == after.orientation,
        "frames": before.frames == after.frames and seen_before["frames"] == seen_after["frames"],
        "durations": before.durations == after.durations,
        "loop": before.loop == after.loop,
        "colour profile": seen_before["icc"] == seen_after["icc"],
        "pixels": _same_pixels(seen_before, seen_after, exact),
    }
    return [what for what, same in checks.items() if not same]


def _same_pixels(before: Mapping[str, Any], after: Mapping[str, Any], exact: bool) -> bool:
    if exact:
        return bool(before["pixels"] == after["pixels"])
    return len(before["thumbs"]) == len(after["thumbs"]) and all(
        _distance(a, b) <= THUMB_TOLERANCE for a, b in zip(before["thumbs"], after["thumbs"], strict=True)
    )


def _distance(a: bytes, b: bytes) -> float:
    total: int = sum(map(abs, map(sub, a, b)))
    return total / max(1, len(a))
