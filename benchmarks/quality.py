"""Quality by what people see: does auto reach its score, at what cost, and how many bytes does the same score take.

python -m benchmarks quality FOLDER
python -m benchmarks quality FOLDER --only jpeg,webp --targets 80 --every 6
python -m benchmarks quality FOLDER --peers --plot docs/images/quality.png --json out.json
"""

import argparse
import io
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from benchmarks import study as questions
from benchmarks.equal import Equal, equal
from benchmarks.files import Sample, samples
from benchmarks.ladders import sharp_version
from benchmarks.panels import panels
from benchmarks.plot import plot
from benchmarks.promise import CONTINUOUS, Promise, Spent, promise, spent
from benchmarks.quality_report import report
from benchmarks.study import TO, Study, tools_of
from benchmarks.workbench import Shot

FORMATS = ("jpeg", "png", "webp", "gif", "avif")
CONVERTED = ("jpeg", "png")
"""Formats of the pictures that are converted with `--to`."""
OPAQUE = ("jpeg",)
TARGETS = (70.0, 80.0, 90.0)
Groups = dict[str, list[Study]]


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything measured, and what it comes to."""

    groups: Groups
    promises: list[Promise]
    costs: list[Spent]
    equals: list[Equal]
    faults: dict[str, str]
    """What is wrong with which file."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when there was nothing to measure, a picture was refused or a result is broken."""
    args = _arguments(argv)
    wanted = list(_wanted(list(samples(args.folder, FORMATS)), args))
    if not wanted:
        return 1
    found = _measured(wanted, args)
    print(report(found.promises, found.costs, found.equals))
    if args.peers:
        print(f"\nsharp: {sharp_version() or 'left out, node or sharp is missing (NODE_PATH says where it lies)'}")
    for name, wrong in found.faults.items():
        print(f"\n**{name}**: {wrong}")
    if args.plot and (drawn := panels(found.groups, args.peers)):
        args.plot.parent.mkdir(parents=True, exist_ok=True)
        args.plot.write_bytes(plot(drawn))
    if args.json:
        args.json.write_text(json.dumps(_document(found), indent=1))
    return int(bool(found.faults))


def _wanted(found: Sequence[Sample], args: argparse.Namespace) -> Iterator[tuple[Sample, str | None]]:
    """Pictures and what they are to become; the long ones first, so that no process waits at the end."""
    own = [(one, None) for one in found if one.format in args.only]
    converted = [(one, to) for to in args.to for one in found if one.format != to and _can_become(one, to)]
    every = [*own[:: args.every], *converted[:: args.every]]
    yield from sorted(every, key=lambda pair: -len(pair[0].data))


def _can_become(sample: Sample, to: str) -> bool:
    """Whether a conversion can be compared: what was put on a ground has no score against what shows through."""
    if sample.format not in CONVERTED:
        return False
    with Image.open(io.BytesIO(sample.data)) as image:
        return to not in OPAQUE or not image.has_transparency_data


def _measured(wanted: Sequence[tuple[Sample, str | None]], args: argparse.Namespace) -> Findings:
    with (
        TemporaryDirectory() as folder,
        ProcessPoolExecutor(args.jobs, get_context("spawn"), questions.prepare, (folder,)) as pool,
    ):
        asked = pool.map(questions.study, *zip(*wanted, strict=True), repeat(args.targets), repeat(args.peers))
        studies = [one for one in asked if one]
        groups = _grouped(studies)
        promises = [
            promise(name, target, group, Asker(pool) if group[0].written in CONTINUOUS else None)
            for name, group in groups.items()
            for target in args.targets
        ]
    counted = [*groups.items(), ("all", studies)]
    costs = [spent(name, target, group) for name, group in counted for target in args.targets]
    refused = {sample.name for sample, _ in wanted} - {one.sample.name for one in studies}
    broken = {one.sample.name for one in studies if one.broken}
    return Findings(
        groups=groups,
        promises=promises,
        costs=[cost for cost in costs if cost],
        equals=list(_equals(groups, args.peers)),
        faults=dict.fromkeys(sorted(refused), "refused") | dict.fromkeys(sorted(broken), "a result cannot be scored"),
    )


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks the engines of the pool for many images at once."""

    pool: Executor

    def __call__(self, studies: Sequence[Study], quality: int) -> list[Shot | None]:
        """Pare's answers at a fixed quality."""
        cases = [one.sample for one in studies], [one.to for one in studies]
        return list(self.pool.map(questions.fixed, *cases, repeat(quality)))


def _grouped(studies: Sequence[Study]) -> Groups:
    order = [*FORMATS, *(TO + name for name in FORMATS)]
    groups = {name: [one for one in studies if one.group == name] for name in order}
    return {name: group for name, group in groups.items() if group}


def _equals(groups: Groups, with_peers: bool) -> Iterator[Equal]:
    for name, group in groups.items():
        for tool in tools_of(group[0].written, with_peers):
            yield equal(name, tool, group)


def _document(found: Findings) -> dict[str, object]:
    """Everything measured, for a later comparison."""
    images = [
        {
            "file": one.sample.name,
            "group": one.group,
            "bytes": len(one.sample.data),
            "auto": {target: asdict(shot) for target, shot in one.auto.items()},
            "fixed": {quality: asdict(shot) for quality, shot in sorted(one.fixed.items())},
            "others": {label: [asdict(rung) for rung in ladder] for label, ladder in one.others.items()},
        }
        for group in found.groups.values()
        for one in group
    ]
    return {
        "promises": [asdict(row) for row in found.promises],
        "costs": [asdict(row) for row in found.costs],
        "equals": [asdict(row) for row in found.equals],
        "images": images,
    }


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="images, in folders of any depth; other files are passed over")
    parser.add_argument("--only", type=_names, default=FORMATS, help="formats: png,jpeg,…; empty for none")
    parser.add_argument("--to", type=_names, default=(), help="also convert JPEG and PNG pictures to these formats")
    parser.add_argument("--targets", type=_scores, default=TARGETS, help="70,80,90")
    parser.add_argument("--every", type=int, default=1, help="take every n-th file")
    parser.add_argument("--peers", action="store_true", help="also sharp (where NODE_PATH has it), Pillow, imagemin's")
    parser.add_argument("--jobs", type=int, default=2, help="processes that work")
    parser.add_argument("--plot", type=Path, help="draw the curves into this PNG")
    parser.add_argument("--json", type=Path, help="write every number to this file")
    return parser.parse_args(argv)


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _scores(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
