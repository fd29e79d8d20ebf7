"""The whole attack on a service of its own: what was tried and what failed, memory, /health meanwhile, the end.

python -m benchmarks siege
python -m benchmarks siege --mutations 500 --examples 1000
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks import areas
from benchmarks.besieged import Besieged, besieged
from benchmarks.faults import disk_full, tools_killed, workers_killed
from benchmarks.judge import Tally
from benchmarks.probe import Pulse, pulse
from benchmarks.process_faults import rush, server_process_killed, sigterm_in_flight, two_processes_sigterm
from benchmarks.processes import MemoryWatch
from benchmarks.redis_faults import redis_fails, redis_talks_nonsense
from benchmarks.table import markdown, number, verdict

FAULTS: tuple[Callable[[Path], Tally], ...] = (
    disk_full,
    tools_killed,
    workers_killed,
    redis_fails,
    redis_talks_nonsense,
    server_process_killed,
    sigterm_in_flight,
    two_processes_sigterm,
)
"""Each with a service of its own."""
MEMORY_AIM = 1.5 * 1024**3 / 1e6
HEALTH_AIM = 100.0
BOMB_AIM = 1.0


@dataclass(frozen=True, slots=True)
class Siege:
    """Everything that was found; memory in MB."""

    tallies: Sequence[Tally]
    pulse: Pulse
    peak_mb: float

    @property
    def failures(self) -> Iterator[str]:
        """Whatever was wrong, in words."""
        yield from (f"{tally.area}: {failure}" for tally in self.tallies for failure in tally.failures)
        yield from self.pulse.failures


def main(argv: Sequence[str] | None = None) -> int:
    """Attack and print; 1 when anything failed."""
    args = _arguments(argv)
    with tempfile.TemporaryDirectory() as folder:
        siege = attack(Path(folder), args.mutations, args.examples)
    print(report(siege))
    return int(any(siege.failures))


def attack(folder: Path, per_format: int, examples: int) -> Siege:
    """One service under everything that comes from outside, then one service for each fault."""
    with ExitStack() as stack:
        service = stack.enter_context(besieged(folder / "service"))
        watch = stack.enter_context(MemoryWatch(service.process.pid))
        beat = stack.enter_context(pulse(service.url))
        tallies = [said(area(service)) for area in _areas(per_format, examples)]
        tallies.append(_left("left behind by all that", service))
    tallies.append(_left("end of that service", service))
    for fault in FAULTS:
        (folder / fault.__name__).mkdir()
        tallies.append(said(fault(folder / fault.__name__)))
    return Siege(tallies, beat, watch.peak_mb)


def _areas(per_format: int, examples: int) -> Sequence[Callable[[Besieged], Tally]]:
    return (
        lambda service: areas.mutations(service, per_format),
        areas.bombs,
        areas.heavy,
        areas.drawings,
        areas.addresses,
        areas.messages,
        areas.credentials,
        lambda service: areas.contract(service, examples),
        rush,
    )


def _left(when: str, service: Besieged) -> Tally:
    tally = Tally(when)
    tally.note("aftermath", *service.aftermath())
    return said(tally)


def said(tally: Tally) -> Tally:
    """The same, mentioned to whoever waits."""
    print(f"{tally.area}: {tally.inputs}, {len(tally.failures)} failed", file=sys.stderr, flush=True)
    return tally


def report(siege: Siege) -> str:
    """The tables as Markdown, and every failure."""
    rows = [[tally.area, str(tally.inputs), str(len(tally.failures))] for tally in siege.tallies]
    health = Tally("/health meanwhile", len(siege.pulse.seconds), siege.pulse.failures)
    rows.append([health.area, str(health.inputs), str(len(health.failures))])
    rows.append(["all", str(sum(int(row[1]) for row in rows)), str(sum(int(row[2]) for row in rows))])
    parts = [
        markdown(["area", "inputs", "failures"], rows),
        markdown(["what", "here", "aim", "reached"], list(_lines(siege))),
    ]
    return "\n\n".join([*parts, *(f"**{failure}**" for failure in siege.failures)])


def _lines(siege: Siege) -> Iterator[list[str]]:
    figures = {f"{tally.area}: {name}": value for tally in siege.tallies for name, value in tally.figures.items()}
    yield _line("peak MB of service and tools together", siege.peak_mb, MEMORY_AIM, 0)
    yield _line("/health p50, ms", siege.pulse.milliseconds(0.5), None)
    yield _line("/health p99, ms", siege.pulse.milliseconds(0.99), HEALTH_AIM)
    for name, value in figures.items():
        aim = BOMB_AIM if "refusal" in name else None
        yield _line(name, value, aim, 0 if value == int(value) else 1)
    lost = sum("lost" in failure for failure in siege.failures)
    yield _line("requests lost", lost, 0, 0)


def _line(what: str, value: float, aim: float | None, digits: int = 1) -> list[str]:
    return [what, number(value, digits), number(aim, 0), "-" if aim is None else verdict(value, None, aim, most=True)]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks siege", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mutations", type=int, default=100, help="broken files of each format")
    parser.add_argument("--examples", type=int, default=200, help="random requests for each operation of the document")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
