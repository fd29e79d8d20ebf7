"""Quality by what people see: does auto reach its score, for what, and how many bytes does the same score cost.

python -m benchmarks quality FOLDER
python -m benchmarks quality FOLDER --only jpeg,webp --targets 80 --every 6
python -m benchmarks quality FOLDER --peers --plot docs/images/quality.png --json out.json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

from benchmarks import study as questions
from benchmarks.curves import Ladder, common_grid, geometric_mean, size_at
from benchmarks.equal import Equal, equal
from benchmarks.files import samples
from benchmarks.floors import AUTO_CPU, AUTO_RATIO, EQUAL, OVERSHOOT, REACHED
from benchmarks.ladders import sharp_version
from benchmarks.plot import Line, Panel, plot
from benchmarks.promise import CONTINUOUS, Promise, Spent, promise, spent
from benchmarks.study import Study, tools_of
from benchmarks.table import markdown, number, verdict
from benchmarks.workbench import Shot

FORMATS = ("jpeg", "png", "webp", "gif", "avif")
NAMES = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "gif": "GIF", "avif": "AVIF"}
TARGETS = (70.0, 80.0, 90.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when there was nothing to measure or a picture was refused."""
    args = _arguments(argv)
    found = list(samples(args.folder, args.only))[:: args.every]
    found.sort(key=lambda sample: -len(sample.data))  # the long ones first, so that no process waits at the end
    with ProcessPoolExecutor(args.jobs, get_context("spawn")) as pool:
        asked = pool.map(questions.study, found, repeat(args.targets), repeat(args.peers))
        studies = [one for one in asked if one]
        groups = {name: [one for one in studies if one.sample.format == name] for name in FORMATS}
        groups = {name: group for name, group in groups.items() if group}
        promises = [
            promise(name, target, group, _asker(pool) if name in CONTINUOUS else None)
            for name, group in groups.items()
            for target in args.targets
        ]
    if not studies:
        return 1
    costs = [spent(name, target, group) for name, group in groups.items() for target in args.targets]
    costs += [spent("all", target, studies) for target in args.targets]
    equals = _equals(groups, args.peers)
    print(report(promises, [cost for cost in costs if cost], equals))
    if args.peers and not sharp_version():
        print("\nsharp is left out: node or sharp is missing (NODE_PATH says where it lies).")
    for sample in found:
        if all(one.sample.name != sample.name for one in studies):
            print(f"\n**{sample.name}**: refused")
    if args.plot:
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        args.plot.write_bytes(plot(_panels(groups, args.peers)))
    if args.json:
        args.json.write_text(json.dumps(_document(studies, promises, costs, equals), indent=1))
    return int(len(studies) < len(found))


def report(promises: Sequence[Promise], costs: Sequence[Spent], equals: Sequence[Equal]) -> str:
    """Three tables, and where the figures stand."""
    promise_head = ["auto", "target", "images", "searched", "reached %", "within 0.5 %", "worst", "overshoot",
                    "fixed quality for 90 %", "bytes of it"]  # fmt: skip
    cost_head = ["auto", "target", "images", "trials: whole", "part", "encode CPU s", "fixed", "median ratio",
                 "score CPU s"]  # fmt: skip
    equal_head = ["Pare's default beside", "settings", "compared", "bytes at equal score", "smaller"]
    return "\n\n".join(
        [
            markdown(promise_head, [_promise_line(one) for one in promises]),
            markdown(cost_head, [_cost_line(one) for one in costs]),
            markdown(equal_head, [_equal_line(one) for one in equals]),
            markdown(["what", "here", "floor", "aim", "reached"], _verdicts(promises, costs, equals)),
        ]
    )


def _promise_line(one: Promise) -> list[str]:
    shares = [number(None if share is None else 100 * share) for share in (one.reached, one.nearly)]
    quality = str(one.fixed_quality or "-")
    counts = [str(one.images), str(one.searched)]
    return [NAMES[one.format], f"{one.target:g}", *counts, *shares, number(one.worst, 2), number(one.overshoot, 2),
            quality, number(one.ratio, 3)]  # fmt: skip


def _cost_line(one: Spent) -> list[str]:
    figures = [number(one.wholes), number(one.parts), number(one.encode, 2), number(one.fixed, 2)]
    return [NAMES.get(one.format, one.format), f"{one.target:g}", str(one.images), *figures, number(one.ratio, 2),
            number(one.score, 2)]  # fmt: skip


def _equal_line(one: Equal) -> list[str]:
    compared = f"{one.compared} of {one.images}"
    return [f"{NAMES[one.format]}: {one.tool}", f"`{one.settings}`", compared, number(one.ratio, 3), str(one.smaller)]


def _verdicts(promises: Sequence[Promise], costs: Sequence[Spent], equals: Sequence[Equal]) -> list[list[str]]:
    """Every bar with the figure of all that it is about."""
    even = [one for one in promises if one.format in CONTINUOUS]
    count = sum(one.searched for one in even)
    reached = sum((one.reached or 0) * one.searched for one in even) / count if count else None
    overshoot = sum((one.overshoot or 0) * one.searched for one in even) / count if count else None
    fixed = [one for one in even if one.fixed_size]
    size = sum(one.size for one in fixed) / sum(one.fixed_size or 0 for one in fixed) if fixed else None
    ratio = max((one.ratio for one in costs if one.format == "all" and one.ratio), default=None)
    lines = [
        ("auto reaches its score, %", None if reached is None else 100 * reached, REACHED, 1, False),
        ("auto's overshoot, points", overshoot, OVERSHOOT, 2, True),
        ("auto's bytes over the fixed quality's", size, AUTO_RATIO, 3, True),
        ("auto's encoding CPU over the fixed quality's", ratio, AUTO_CPU, 2, True),
    ]
    for one in equals:
        if bars := EQUAL.get((one.format, one.tool)):
            lines.append((f"{NAMES[one.format]} bytes at equal score", one.ratio, bars, 3, True))
    return [
        [what, number(value, digits), str(floor or "-"), str(aim or "-"), verdict(value, floor, aim, most=most)]
        for what, value, (floor, aim), digits, most in lines
    ]


class _asker:
    """Asks the engines of the pool for many images at once."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def __call__(self, studies: Sequence[Study], quality: int) -> list[Shot | None]:
        return list(self._pool.map(questions.fixed, [one.sample for one in studies], repeat(quality)))


def _equals(groups: dict[str, list[Study]], with_peers: bool) -> list[Equal]:
    return [
        equal(name, tool.label, tool.settings, group, exact=_exact(name))
        for name, group in groups.items()
        for tool in tools_of(name, with_peers)
    ]


def _exact(format: str) -> bool:
    return any(tool.exact for tool in tools_of(format, False))


def _panels(groups: dict[str, list[Study]], with_peers: bool) -> list[Panel]:
    """Of each format the images that all tools can write at all the scores drawn."""
    panels = []
    for name, group in groups.items():
        labels = ["Pare", *(tool.label for tool in tools_of(name, with_peers))]
        ladders = [[one.own(exact=_exact(name)), *(one.others.get(label, ()) for label in labels[1:])] for one in group]
        grid, able = common_grid(ladders)
        if grid:
            title = f"{NAMES[name]} ({len(able)} of {len(group)} images)"
            lines = [
                Line(label, _shares([ladders[at][place] for at in able], [group[at] for at in able], grid))
                for place, label in enumerate(labels)
            ]
            panels.append(Panel(title, lines))
    return panels


def _shares(ladders: Sequence[Ladder], studies: Sequence[Study], grid: Sequence[int]) -> list[tuple[float, float]]:
    """At each score the geometric mean of the bytes, in percent of the originals'."""
    points = []
    for score in grid:
        sizes = [size_at(ladder, score) or 0.0 for ladder in ladders]
        shares = [size / len(one.sample.data) for size, one in zip(sizes, studies, strict=True)]
        points.append((float(score), 100 * (geometric_mean(shares) or 0.0)))
    return points


def _document(
    studies: Sequence[Study], promises: Sequence[Promise], costs: Sequence[Spent | None], equals: Sequence[Equal]
) -> dict[str, object]:
    images = [
        {
            "file": one.sample.name,
            "bytes": len(one.sample.data),
            "auto": {target: asdict(shot) for target, shot in one.auto.items()},
            "fixed": {quality: asdict(shot) for quality, shot in one.fixed.items()},
            "others": {label: [asdict(rung) for rung in ladder] for label, ladder in one.others.items()},
        }
        for one in studies
    ]
    tables = {"promises": promises, "costs": [cost for cost in costs if cost], "equals": equals}
    return {**{name: [asdict(row) for row in rows] for name, rows in tables.items()}, "images": images}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="images, in folders of any depth; other files are passed over")
    parser.add_argument("--only", type=lambda names: names.split(","), default=FORMATS, help="formats: png,jpeg,…")
    parser.add_argument(
        "--targets", type=lambda text: [float(part) for part in text.split(",")], default=TARGETS, help="70,80,90"
    )
    parser.add_argument("--every", type=int, default=1, help="take every n-th file")
    parser.add_argument("--peers", action="store_true", help="also sharp (where NODE_PATH has it), Pillow, imagemin's")
    parser.add_argument("--jobs", type=int, default=2, help="processes that work")
    parser.add_argument("--plot", type=Path, help="draw the curves into this PNG")
    parser.add_argument("--json", type=Path, help="write every number to this file")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
