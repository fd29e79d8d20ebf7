"""Images for pages: how fast, how large and how good, beside other services on the same files in the same run.

python -m benchmarks delivery FOLDER
python -m benchmarks delivery FOLDER --ipx node_modules/.bin/ipx --thumbor venv/bin/thumbor
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from benchmarks.curves import Rung, geometric_mean, size_at
from benchmarks.delivery_pictures import Reference, originals
from benchmarks.delivery_servers import Kind, Server, Variant
from benchmarks.load import quantile, shuffled
from benchmarks.processes import MemoryWatch, cpu_seconds
from benchmarks.service import client
from benchmarks.table import markdown, number

CONNECTIONS = (1, 4, 8)
WARMING = 4
"""Connections before the measured passes, and how often each of them asks."""
LADDERS = {"jpeg": (60, 68, 76, 84, 91), "webp": (55, 66, 76, 85, 93), "avif": (35, 46, 56, 66, 80)}
"""Qualities at which the others are measured: their scales are not Pare's."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Every variant once; rates a second, waits and CPU in milliseconds an image."""

    server: str
    format: str
    connections: int
    warm: bool
    rate: float
    p50: float
    p99: float
    cpu: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Looks:
    """A server's bytes and scores for one format."""

    server: str
    format: str
    quality: int
    """At which its mean score is nearest to Pare's, on its own scale."""
    size: float
    """Mean bytes at that quality."""
    score: float
    ratio: float | None
    """Pare's bytes over its bytes at Pare's score, variant by variant; geometric mean."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    args = _arguments(argv)
    kinds = [Kind("pare"), *(Kind(name, path) for name, path in (("ipx", args.ipx), ("thumbor", args.thumbor)) if path)]
    with tempfile.TemporaryDirectory() as folder:
        paths = list(originals(args.folder, Path(folder), args.megapixels, args.every))
        looks = [found for format in args.formats for found in looked_at(kinds, paths, format, args)]
        qualities = {(found.server, found.format): found.quality for found in looks}
        passes = [one for format in args.formats for one in passed(kinds, paths, format, qualities, args)]
    print(report(passes, looks))
    if args.json:
        args.json.write_text(json.dumps({"passes": list(map(asdict, passes)), "looks": list(map(asdict, looks))}))
    return 0


def looked_at(kinds: Sequence[Kind], paths: Sequence[Path], format: str, args: argparse.Namespace) -> list[Looks]:
    """Bytes and scores of Pare at the asked quality, and of the others up their ladders."""
    ladders = {}
    for kind in kinds:
        qualities = (args.quality,) if kind.program is None else LADDERS[format]
        with kind.started(paths[0].parent) as server:
            ladders[kind.name] = [_rungs(server, paths, args.widths, format, quality) for quality in qualities]
    ours = ladders["pare"][0]
    return [_looks(name, format, ladder, ours) for name, ladder in ladders.items()]


def passed(
    kinds: Sequence[Kind], paths: Sequence[Path], format: str, qualities: Mapping[tuple[str, str], int],
    args: argparse.Namespace,
) -> list[Pass]:  # fmt: skip
    """Every server at every number of connections, cold and then warm."""
    found = []
    for connections in args.connections:
        for kind in kinds:
            quality = qualities[kind.name, format]
            variants = [Variant(path.name, width, format, quality) for path in paths for width in args.widths]
            with kind.started(paths[0].parent) as server:
                names = [paths[n % len(paths)].name for n in range(WARMING * WARMING)]
                others = [Variant(name, 31 + n, format, quality) for n, name in enumerate(names)]
                _pass(kind.name, server, others, WARMING, warm=False)  # so that nobody pays for imports
                found += [_pass(kind.name, server, variants, connections, warm=warm) for warm in (False, True)]
    return found


def _pass(name: str, server: Server, variants: Sequence[Variant], connections: int, *, warm: bool) -> Pass:
    order = [variants[index] for index in shuffled(len(variants))]
    with MemoryWatch(server.pid) as watch, ThreadPoolExecutor(connections) as threads:
        before, started = cpu_seconds(server.pid), time.perf_counter()
        shares = [order[n::connections] for n in range(connections)]
        waits = sorted(wait for share in threads.map(lambda share: _timed(server, share), shares) for wait in share)
        seconds = time.perf_counter() - started
        cpu = cpu_seconds(server.pid) - before
    p50, p99 = (1000 * quantile(waits, share) for share in (0.5, 0.99))
    count = len(variants)
    return Pass(
        name, variants[0].format, connections, warm, count / seconds, p50, p99, 1000 * cpu / count, watch.peak_mb
    )


def _timed(server: Server, variants: Sequence[Variant]) -> list[float]:
    """Seconds that each one took, over one connection."""
    waits = []
    with client() as http:
        for variant in variants:
            started = time.perf_counter()
            _get(http, server, variant)
            waits.append(time.perf_counter() - started)
    return waits


def _get(http: httpx.Client, server: Server, variant: Variant) -> bytes:
    """The image; SystemExit where another answer comes."""
    answer = http.get(server.address(variant))
    if answer.status_code != 200:
        raise SystemExit(f"{server.address(variant)}: {answer.status_code} {answer.text[:200]}")
    return answer.content


def _rungs(server: Server, paths: Sequence[Path], widths: Sequence[int], format: str, quality: int) -> list[Rung]:
    """One quality of all variants."""
    found = []
    with client() as http:
        for path in paths:
            reference = Reference(path)
            for width in widths:
                data = _get(http, server, Variant(path.name, width, format, quality))
                found.append(Rung(quality, len(data), reference.score(data)))
    return found


def _looks(name: str, format: str, ladder: Sequence[Sequence[Rung]], ours: Sequence[Rung]) -> Looks:
    wanted = _mean([rung.score for rung in ours])
    nearest = min(ladder, key=lambda rungs: abs(_mean([rung.score for rung in rungs]) - wanted))
    sizes = [size_at([rungs[index] for rungs in ladder], rung.score) for index, rung in enumerate(ours)]
    ratios = [rung.size / size for rung, size in zip(ours, sizes, strict=True) if size]
    size, score = _mean([rung.size for rung in nearest]), _mean([rung.score for rung in nearest])
    return Looks(name, format, nearest[0].dial, size, score, geometric_mean(ratios))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def report(passes: Sequence[Pass], looks: Sequence[Looks]) -> str:
    """Bytes and scores, then speed, each with Pare's ratio to the others."""
    head = ["server", "format", "quality", "mean bytes", "mean score", "Pare's bytes of its at equal score"]
    lines = [
        [each.server, each.format, str(each.quality), number(each.size, 0), number(each.score), number(each.ratio, 3)]
        for each in looks
    ]
    ours = {(each.format, each.connections, each.warm): each for each in passes if each.server == "pare"}
    speed_head = ["server", "format", "connections", "cache", "images/s", "p50 ms", "p99 ms", "CPU ms", "peak MB"]
    speeds = [
        [
            each.server, each.format, str(each.connections), "warm" if each.warm else "cold", number(each.rate),
            number(each.p50), number(each.p99), number(each.cpu), number(each.peak_mb, 0),
            number(ours[each.format, each.connections, each.warm].rate / each.rate, 2),
        ]
        for each in passes
    ]  # fmt: skip
    return f"{markdown(head, lines)}\n\n{markdown([*speed_head, 'Pare of it'], speeds)}"


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    def numbers(text: str) -> tuple[int, ...]:
        return tuple(map(int, text.split(",")))

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks delivery",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="images, in folders of any depth: the JPEG among them are used")
    parser.add_argument("--ipx", type=Path, help="the program of an installed ipx")
    parser.add_argument("--thumbor", type=Path, help="the program of an installed thumbor")
    parser.add_argument("--every", type=int, default=4, help="take each n-th file")
    parser.add_argument("--megapixels", type=float, default=12, help="of the originals, which are made larger")
    parser.add_argument("--widths", type=numbers, default=(200, 400, 800, 1600))
    parser.add_argument("--formats", type=lambda text: text.split(","), default=("webp", "avif", "jpeg"))
    parser.add_argument("--quality", type=int, default=75, help="of Pare; the others are held to the same score")
    parser.add_argument("--connections", type=numbers, default=CONNECTIONS)
    parser.add_argument("--json", type=Path, help="write every number to this file")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
