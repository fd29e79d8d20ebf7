"""Bytes at equal score: Pare's default answer against what another tool needs for the same score."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.curves import geometric_mean, size_at
from benchmarks.ladders import Tool
from benchmarks.study import DEFAULT, Study, is_exact


@dataclass(frozen=True, slots=True)
class Equal:
    """One tool over the images of one format."""

    format: str
    tool: str
    settings: str
    images: int
    compared: int
    """Those whose score lies on the tool's ladder; the others were refused by it, or lost nothing in Pare."""
    ratio: float | None
    """Geometric mean of Pare's bytes over the tool's."""
    smaller: int
    """Images of which Pare's file is the smaller one."""


def equal(format: str, tool: Tool, studies: Sequence[Study]) -> Equal:
    """Files without loss count where they are steps of the same ladder."""
    ratios = []
    for one in studies:
        shot = one.fixed.get(DEFAULT)
        if shot is None or shot.score is None or not (shot.lossy or is_exact(one.written)):
            continue
        needed = size_at(one.others.get(tool.label, ()), shot.score)
        ratios += [shot.size / needed] if needed else []
    smaller = sum(ratio < 1 for ratio in ratios)
    return Equal(format, tool.label, tool.settings, len(studies), len(ratios), geometric_mean(ratios), smaller)
