"""What the service costs beyond the tools it runs: CPU, time, memory, on the images of a folder.

python -m benchmarks.overhead FOLDER
python -m benchmarks.overhead FOLDER --only jpeg,png --rounds 3 --no-load
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx

from benchmarks import floors
from benchmarks.files import Sample, samples
from benchmarks.load import Load, bare_rate, load
from benchmarks.processes import MemoryWatch, cpu_seconds
from benchmarks.record import Recorder
from benchmarks.replay import Bare, save
from benchmarks.service import Service, client, service
from benchmarks.table import markdown, number, verdict
from config import load_settings
from machinery import worker_environment
from optimizers.policy import Effort, Policy

TYPICAL_JPEG = 100_000
NOTHING = 0.001
"""CPU seconds below which no tool was run."""
CONNECTIONS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds of one format over all rounds."""

    format: str
    images: int
    service: float
    bare: float

    @property
    def ratio(self) -> float | None:
        """The service over the bare tools; None where no tool is run."""
        return self.service / self.bare if self.bare > NOTHING else None


@dataclass(frozen=True, slots=True)
class Throughput:
    """The service and the bare tools at the same number of connections."""

    served: Load
    bare_rate: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when an image failed."""
    args = _arguments(argv)
    settings = load_settings()
    os.environ.update(worker_environment(settings))
    found = list(samples(args.folder, args.only))
    with TemporaryDirectory() as folder:
        recordings = Path(folder)
        asyncio.run(_record(found, Recorder(_policy(args), settings), recordings))
        with service(None, _options(args)) as served, client() as http, Bare(recordings) as bare:
            failed = _warm_up(served, http, bare, found)
            cpu = _cpu(served, http, bare, found, args.rounds)
            added = _added_ms(served, http, bare, found, args.repetitions)
            peak, loads = (None, []) if args.no_load else _loads(served, found, recordings)
    print(report(cpu, added, peak, loads))
    if args.json:
        args.json.write_text(json.dumps(_document(cpu, added, peak, loads), indent=1))
    for name in failed:
        print(f"\n**{name}**")
    return int(bool(failed))


async def _record(found: Sequence[Sample], recorder: Recorder, folder: Path) -> None:
    try:
        for index, sample in enumerate(found):
            save(await recorder.record(sample.data), folder, index)
    finally:
        await recorder.close()


def _warm_up(served: Service, http: httpx.Client, bare: Bare, found: Sequence[Sample]) -> list[str]:
    """One unmeasured pass, so that neither side pays for imports; what does not succeed, by name."""
    failed = []
    for index, sample in enumerate(found):
        answer = served.optimize(http, sample.data)
        bare.one(index)
        if answer.status != 200:
            failed.append(f"{sample.name}: answered {answer.status}: {answer.refusal}")
    return failed


def _cpu(served: Service, http: httpx.Client, bare: Bare, found: Sequence[Sample], rounds: int) -> list[Cpu]:
    """Format by format, the service and the bare tools in turn, so that a slow minute slows both."""
    assert served.pid is not None
    formats: dict[str, list[int]] = {}
    for index, sample in enumerate(found):
        formats.setdefault(sample.format, []).append(index)
    rows = []
    for format, indices in formats.items():
        used = bare_used = 0.0
        for _ in range(rounds):
            before = cpu_seconds(served.pid)
            for index in indices:
                served.optimize(http, found[index].data)
            used += cpu_seconds(served.pid) - before
            bare_used += sum(bare.one(index).cpu for index in indices)
        rows.append(Cpu(format, len(indices) * rounds, used, bare_used))
    return rows


def _added_ms(
    served: Service, http: httpx.Client, bare: Bare, found: Sequence[Sample], repetitions: int
) -> float | None:
    """Median wall milliseconds that the service adds to the tools, for the JPEG nearest to TYPICAL_JPEG bytes."""
    jpegs = [index for index, sample in enumerate(found) if sample.format == "jpeg"]
    if not jpegs:
        return None
    chosen = min(jpegs, key=lambda index: abs(len(found[index].data) - TYPICAL_JPEG))
    pairs = [(served.optimize(http, found[chosen].data).seconds, bare.one(chosen).wall) for _ in range(repetitions)]
    return 1000 * median(whole - tools for whole, tools in pairs)


def _loads(served: Service, found: Sequence[Sample], recordings: Path) -> tuple[float, list[Throughput]]:
    """Throughput at each number of connections, and peak MB at the most of them."""
    assert served.pid is not None
    rows = []
    for connections in CONNECTIONS:
        with MemoryWatch(served.pid) as watch:
            done = load(served, found, connections)
        rows.append(Throughput(done, bare_rate(recordings, found, connections)))
    return watch.peak_mb, rows


def report(cpu: Sequence[Cpu], added: float | None, peak: float | None, loads: Sequence[Throughput]) -> str:
    """Everything as Markdown, and what of it stands above its floor."""
    total = Cpu("total", sum(row.images for row in cpu), sum(row.service for row in cpu), sum(row.bare for row in cpu))
    cpu_lines = [
        [row.format, str(row.images), number(row.service, 2), number(row.bare, 2), number(row.ratio, 3)]
        for row in (*cpu, total)
    ]
    parts = [markdown(["format", "images", "service CPU s", "bare CPU s", "ratio"], cpu_lines)]
    if loads:
        parts.append(markdown(["connections", "images/s", "bare images/s", "ratio", "p50 s", "p99 s", "failed"],
                              [_load_line(row) for row in loads]))  # fmt: skip
    parts.append(markdown(["what", "here", "floor", "aim", "reached"], _verdicts(total, added, peak, loads)))
    return "\n\n".join(parts)


def _load_line(row: Throughput) -> list[str]:
    served = row.served
    rates = [number(served.rate, 2), number(row.bare_rate, 2), number(served.rate / row.bare_rate, 3)]
    return [str(served.connections), *rates, number(served.p50, 3), number(served.p99, 3), str(served.failed)]


def _verdicts(total: Cpu, added: float | None, peak: float | None, loads: Sequence[Throughput]) -> list[list[str]]:
    p99 = {row.served.connections: row.served.p99 for row in loads}
    rates = [row.served.rate / row.bare_rate for row in loads if row.served.connections > 1]
    spread = p99[8] / p99[2] if p99 else None
    lines = [
        ("CPU over the bare tools", total.ratio, floors.CPU, 3, True),
        ("added ms, a JPEG of about 100 kB", added, floors.ADDED_MS, 1, True),
        ("least images/s over the bare tools, 2 to 8 connections", min(rates, default=None), floors.RATE, 3, False),
        ("p99 at 8 connections over p99 at 2", spread, floors.P99, 2, True),
        ("peak MB at 8 connections", peak, floors.MEMORY, 0, True),
    ]
    return [
        [what, number(value, digits), str(floor), str(aim or "-"), verdict(value, floor, aim, most=most)]
        for what, value, (floor, aim), digits, most in lines
    ]


def _document(
    cpu: Sequence[Cpu], added: float | None, peak: float | None, loads: Sequence[Throughput]
) -> dict[str, object]:
    throughput = [asdict(row) for row in loads]
    return {"cpu": [asdict(row) for row in cpu], "added_ms": added, "peak_mb": peak, "throughput": throughput}


def _policy(args: argparse.Namespace) -> Policy:
    policy = Policy()
    if args.quality is not None:
        policy = replace(policy, quality=args.quality, named=True)
    return replace(policy, effort=Effort(args.effort)) if args.effort else policy


def _options(args: argparse.Namespace) -> dict[str, str]:
    named = {"quality": args.quality, "effort": args.effort}
    return {name: str(value) for name, value in named.items() if value is not None}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="images, in folders of any depth; other files are passed over")
    parser.add_argument("--quality", type=int, help="1-100; the service's default when absent")
    parser.add_argument("--effort", choices=[effort.value for effort in Effort])
    parser.add_argument("--only", type=lambda names: names.split(","), default=(), help="formats: png,jpeg,…")
    parser.add_argument("--rounds", type=int, default=1, help="measured passes over the folder for the CPU ratio")
    parser.add_argument("--repetitions", type=int, default=30, help="of the one JPEG, for the added time")
    parser.add_argument("--no-load", action="store_true", help="skip throughput and memory")
    parser.add_argument("--json", type=Path, help="write every number to this file")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
