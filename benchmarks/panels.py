"""From what was measured of every picture to the curves that are drawn."""

from collections.abc import Mapping, Sequence

from benchmarks.curves import Ladder, common_grid, geometric_mean, size_at
from benchmarks.plot import Line, Panel
from benchmarks.quality_report import name
from benchmarks.study import Study, tools_of

OWN = "Pare"


def panels(groups: Mapping[str, Sequence[Study]], with_peers: bool) -> list[Panel]:
    """One for each group of which some images can be written by all tools at the same scores."""
    drawn = (panel(group, studies, with_peers) for group, studies in groups.items())
    return [one for one in drawn if one]


def panel(group: str, studies: Sequence[Study], with_peers: bool) -> Panel | None:
    """A line for each tool, over the same images and scores."""
    labels = [tool.label for tool in tools_of(studies[0].written, with_peers)]
    ladders = [[one.own, *(one.others.get(label, ()) for label in labels)] for one in studies]
    grid, able = common_grid(ladders)
    if not grid:
        return None
    sources = [len(studies[at].sample.data) for at in able]
    lines = [
        Line(label, _shares([ladders[at][place] for at in able], sources, grid))
        for place, label in enumerate([OWN, *labels])
    ]
    return Panel(f"{name(group)} ({len(able)} of {len(studies)} images)", lines)


def _shares(ladders: Sequence[Ladder], sources: Sequence[int], grid: Sequence[int]) -> list[tuple[float, float]]:
    """At each score the geometric mean of the bytes, in percent of the originals'."""
    points = []
    for score in grid:
        sizes = [size_at(ladder, score) or 0.0 for ladder in ladders]
        share = geometric_mean([size / source for size, source in zip(sizes, sources, strict=True)])
        points.append((float(score), 100 * (share or 0.0)))
    return points
