"""Fit the estimates to what the engine really leaves, and tell how far they miss sources that they have not seen.

python -m benchmarks estimate FOLDER             collect, fit, print the numbers and the table
python -m benchmarks estimate FOLDER --write     and put the numbers into the formats' files
python -m benchmarks estimate --rows FOLDER      fit again over what an earlier run collected
"""

import argparse
import asyncio
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, inf, log
from pathlib import Path
from statistics import fmean

from benchmarks.estimate_fit import Point, chosen, fit, judged
from benchmarks.estimate_rows import Row, collect, load, tools_for
from benchmarks.estimate_write import Fitted, home, write
from exceptions import PareError
from optimizers.base import ImageInfo, Optimizer
from optimizers.policy import Policy
from optimizers.prediction import HEAD_BYTES, UNREAD, Head, Outlook, conversion, foretell
from optimizers.router import FORMATS, detect
from optimizers.toolbox import Toolbox
from utils.logging import json_logging

UPLOAD, HEADER = "upload", "header"
VARIANT = 0.2
"""What a row of a variant, another quality or a conversion of one counts beside one of the folder's own files."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One row as an estimate sees it."""

    row: Row
    mode: str
    owner: Optimizer
    """Whose numbers foretell it: the picture's own format, or the one that it is converted to."""
    outlook: Outlook
    counts: bool = True
    """Whether an estimate would really go by this case."""

    @property
    def point(self) -> Point:
        """For the fit."""
        return Point(
            self.row.source,
            self.row.picture,
            1.0 if self.row.own and self.row.quality == Policy().quality else VARIANT,
            dict(self.outlook.traits),
            self.row.left / self.outlook.base,
            # A converted file may be many times as large as its source: there the miss is a share of the result.
            self.outlook.base / (self.row.left if self.row.target else self.row.size),
            inf if self.row.target else self.row.size / self.outlook.base,
        )


@dataclass(frozen=True, slots=True)
class Miss:
    """An estimate beside the truth, in points of the file's size."""

    row: Row
    mode: str
    format: str
    case: str
    truth: float
    estimate: float
    low: float
    high: float

    @property
    def covered(self) -> bool:
        """Whether the interval holds the truth, to the digit that answers have."""
        return self.low - 0.05 <= self.truth <= self.high + 0.05


def main(argv: Sequence[str] | None = None) -> int:
    """Collect where a folder is named, fit, print."""
    args = _arguments(argv)
    if args.folder:
        with json_logging("ERROR", "benchmark", ""):
            collect(args.folder, args.rows)
    seen = asyncio.run(look(load(args.rows), args.rows))
    misses, fits = learn(seen)
    print(table(misses))
    for (module, case), found in sorted(fits.items()):
        print(f"{module} {case}: {found.rows} rows, {found.miss}, {found.fit}")
    if args.write:
        write(fits)
    return 0


async def look(rows: Sequence[Row], folder: Path) -> list[Seen]:
    """Every row as an upload and by its first bytes alone."""
    async with tools_for() as make_tools:
        return [one for row in rows for one in await see(row, (folder / row.file).read_bytes(), make_tools())]


async def see(row: Row, data: bytes, tools: Toolbox) -> list[Seen]:
    """One row in both modes."""
    optimizer = detect(data)
    policy = Policy(quality=row.quality, named=bool(row.target), targets=(row.target,) if row.target else ())
    owner = next((f for f in FORMATS if f.spec.name == row.target), optimizer)
    seen = []
    for mode, head in ((UPLOAD, Head.of(data)), (HEADER, Head(data[:HEAD_BYTES], len(data)))):
        try:
            info = optimizer.inspect(data) if head.whole else optimizer.inspect_head(head)
        except PareError:
            if not row.target:
                seen.append(Seen(row, mode, owner, Outlook(UNREAD, row.size)))
            continue
        traits = await sketch_of(optimizer, data, info, policy, tools) if mode == UPLOAD else {}
        outlook = optimizer.outlook(info, head, policy, traits)
        if row.target:
            pixels = info.width * info.height * info.frames
            outlook = conversion(outlook, pixels, info.source_quality, policy, traits)
        seen.append(Seen(row, mode, owner, outlook))
    return seen


async def sketch_of(
    optimizer: Optimizer, data: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
) -> Mapping[str, float]:
    """The traits that an upload's sketch would find; none where it finds none."""
    try:
        return await optimizer.sketch(data, info, policy, tools) or {}
    except PareError:
        return {}


def learn(seen: Sequence[Seen]) -> tuple[list[Miss], dict[tuple[str, str], Fitted]]:
    """How every row would have been missed, and the fit of each case, by the module that it belongs to."""
    cases: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for one in seen:
        cases[home(one.owner), one.outlook.case].append(one)
        if one.mode == HEADER and not one.row.target and one.outlook.case != UNREAD:
            unread = replace(one, outlook=Outlook(UNREAD, one.row.size), counts=False)
            cases[home(one.owner), UNREAD].append(unread)
    misses, fits = [], {}
    for key, members in cases.items():
        points = [one.point for one in members]
        names = chosen(points)
        found = [miss for miss, one in zip(_missed(members, points, names), members, strict=True) if one.counts]
        misses += found
        fits[key] = Fitted(fit(points, names), len(members), _miss(found))
    return misses, fits


def _missed(members: Sequence[Seen], points: Sequence[Point], names: Sequence[str]) -> list[Miss]:
    fitted = {id(point): found for point, found in judged(points, names)}
    misses = []
    for one, point in zip(members, points, strict=True):
        most = inf if one.row.target else one.row.size
        said = foretell(one.outlook, {one.outlook.case: fitted[id(point)]}, most)
        percent = [100 * (1 - size / one.row.size) for size in (one.row.left, said.size, said.high, said.low)]
        misses.append(Miss(one.row, one.mode, one.owner.spec.name, one.outlook.case, *percent))
    return misses


def table(misses: Sequence[Miss]) -> str:
    """Mean miss, coverage and mean width of intervals, over the folder's own files at the default quality."""
    own = [m for m in misses if m.row.own and not m.row.target and m.row.quality == Policy().quality]
    lines = [
        "",
        "| format | files | upload: points, covered, width | header: points, covered, width |",
        "|---|---|---|---|",
    ]
    for name in ["all", *sorted({m.format for m in own})]:
        rows = [m for m in own if name in ("all", m.format)]
        cells = [_cell([m for m in rows if m.mode == mode]) for mode in (UPLOAD, HEADER)]
        lines.append(f"| {name} | {len(rows) // 2} | {' | '.join(cells)} |")
    for label, picked in (
        ("other qualities", [m for m in misses if not m.row.target and m.row.quality != Policy().quality]),
        ("variants", [m for m in misses if not m.row.target and not m.row.own]),
        *((f"to {n}", [m for m in misses if m.row.target == n]) for n in sorted({m.row.target for m in misses} - {""})),
    ):
        cells = [_cell([m for m in picked if m.mode == mode]) for mode in (UPLOAD, HEADER)]
        lines.append(f"| {label} | {len(picked) // 2} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(misses: Sequence[Miss]) -> str:
    if not misses:
        return "–"
    return f"{_miss(misses)}, {fmean(m.covered for m in misses):.0%}, {fmean(m.high - m.low for m in misses):.1f}"


def _miss(misses: Sequence[Miss]) -> str:
    """In points; of conversions, which may be many times larger than the file, as a factor."""
    if misses and misses[0].row.target:
        return f"factor {exp(fmean(abs(log((100 - m.estimate) / (100 - m.truth))) for m in misses)):.2f}"
    return f"{fmean(abs(m.truth - m.estimate) for m in misses):.1f}" if misses else "spare"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks estimate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", help="images; MANIFEST.csv in it tells their sources")
    parser.add_argument("--rows", type=Path, help="where what is collected is kept, or was by an earlier run")
    parser.add_argument("--write", action="store_true", help="put the numbers into the formats' files")
    args = parser.parse_args(argv)
    if not args.folder and not args.rows:
        parser.error("name a folder, or the --rows of an earlier run")
    args.rows = args.rows or Path(tempfile.mkdtemp(prefix="pare-estimate-"))
    return args


if __name__ == "__main__":
    sys.exit(main())
