"""Fit the estimates to what the engine really leaves, and tell how far they miss sources that they have not seen.

python -m benchmarks estimate FOLDER             collect, fit, print the numbers and the table
python -m benchmarks estimate FOLDER --write     and put the numbers into the formats' files
python -m benchmarks estimate --rows FOLDER      fit again over what an earlier run collected
"""

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.estimate_fit import Point, fit, judged
from benchmarks.estimate_rows import Row, collect, load
from benchmarks.estimate_write import write
from estimation.estimator import is_sketched
from exceptions import PareError
from optimizers.base import Optimizer
from optimizers.policy import Policy
from optimizers.prediction import HEAD_BYTES, UNREAD, Fit, Head, Outlook, conversion, foretell
from optimizers.router import FORMATS, detect
from optimizers.sketch import sketch

UPLOAD, HEADER = "upload", "header"
VARIANT = 0.3
"""What a row of a variant, another quality or a conversion of one counts beside one of the folder's own files."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One row as an estimate sees it."""

    row: Row
    mode: str
    owner: Optimizer
    """Whose numbers foretell it: the picture's own format, or the one that it is converted to."""
    outlook: Outlook

    @property
    def point(self) -> Point:
        """For the fit."""
        return Point(
            self.row.source,
            self.row.picture,
            1.0 if self.row.own and self.row.quality == Policy().quality else VARIANT,
            dict(self.outlook.traits),
            self.row.left / self.outlook.base,
            self.outlook.base / self.row.size,
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
        collect(args.folder, args.rows)
    seen = [one for row in load(args.rows) for one in see(row, args.rows)]
    misses, fits = learn(seen)
    print(table(misses))
    for (name, case), (found, count, error) in sorted(fits.items()):
        print(f"{name:6} {case:22} {count:4} rows, {error:5.1f} points  {found}")
    if args.write:
        write(fits)
    return 0


def see(row: Row, folder: Path) -> Iterable[Seen]:
    """The row as an upload and by its first bytes; the former by a sketch where one would be made."""
    data = (folder / row.file).read_bytes()
    optimizer = detect(data)
    policy = Policy(quality=row.quality, named=bool(row.target), targets=(row.target,) if row.target else ())
    owner = next((f for f in FORMATS if f.spec.name == row.target), optimizer)
    for mode, head in ((UPLOAD, Head.of(data)), (HEADER, Head(data[:HEAD_BYTES], len(data)))):
        try:
            info = optimizer.inspect(data) if head.whole else optimizer.inspect_head(head)
        except PareError:
            yield Seen(row, mode, owner, Outlook(UNREAD, row.size))
            continue
        traits = {}
        if mode == UPLOAD and optimizer.spec.decoder and is_sketched(optimizer, info, row.size):
            traits = sketch(data, optimizer.spec.decoder)
        outlook = optimizer.outlook(info, head, policy, traits)
        if row.target:
            outlook = conversion(outlook, info.width * info.height * info.frames, policy, traits)
        yield Seen(row, mode, owner, outlook)


def learn(seen: Sequence[Seen]) -> tuple[list[Miss], dict[tuple[str, str], tuple[Fit, int, float]]]:
    """How every row would have been missed, and for each case its fit, how many rows it has and its mean miss."""
    cases: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for one in seen:
        cases[one.owner.spec.name, one.outlook.case].append(one)
    misses, fits = [], {}
    for key, members in cases.items():
        found = _missed(members)
        misses += found
        error = fmean(abs(miss.truth - miss.estimate) for miss in found)
        fits[key] = (fit([one.point for one in members]), len(members), error)
    for name in {name for name, _ in cases}:
        whole = [one for one in seen if one.owner.spec.name == name and not one.row.target and one.mode == HEADER]
        points = [
            Point(p.group, p.picture, p.weight, {}, one.row.left / one.row.size, 1.0)
            for one in whole
            for p in [one.point]
        ]
        if points:
            fits[name, UNREAD] = (fit(points), len(points), 0.0)
    return misses, fits


def _missed(members: Sequence[Seen]) -> list[Miss]:
    by_point = {id(point): one for one in members for point in [one.point]}
    points = [one.point for one in members]
    by_point = dict(zip(map(id, points), members, strict=True))
    found = []
    for point, fitted in judged(points):
        one = by_point[id(point)]
        most = float("inf") if one.row.target else one.row.size
        said = foretell(one.outlook, {one.outlook.case: fitted}, most)
        percent = [100 * (1 - size / one.row.size) for size in (one.row.left, said.size, said.high, said.low)]
        found.append(Miss(one.row, one.mode, one.owner.spec.name, one.outlook.case, *percent))
    return found


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
    for label, chosen in (
        ("other qualities", [m for m in misses if not m.row.target and m.row.quality != Policy().quality]),
        ("variants", [m for m in misses if not m.row.target and not m.row.own]),
        *((f"to {n}", [m for m in misses if m.row.target == n]) for n in sorted({m.row.target for m in misses} - {""})),
    ):
        cells = [_cell([m for m in chosen if m.mode == mode]) for mode in (UPLOAD, HEADER)]
        lines.append(f"| {label} | {len(chosen) // 2} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(misses: Sequence[Miss]) -> str:
    if not misses:
        return "–"
    error = fmean(abs(m.truth - m.estimate) for m in misses)
    return f"{error:.1f}, {fmean(m.covered for m in misses):.0%}, {fmean(m.high - m.low for m in misses):.1f}"


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
