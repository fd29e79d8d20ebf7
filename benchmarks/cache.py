"""The same batch of images sent twice: what the second time costs.

python -m benchmarks cache FOLDER
python -m benchmarks cache FOLDER --redis --images 50
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median

import httpx

from benchmarks.files import Sample, samples
from benchmarks.processes import cpu_seconds
from benchmarks.redis_server import redis_server
from benchmarks.service import Answer, Service, client, service
from benchmarks.table import markdown, number

CACHE_MB = "512"


@dataclass(frozen=True, slots=True)
class Round:
    """One batch; seconds of wall time and of the service's CPU."""

    answers: list[Answer]
    seconds: float
    cpu: float

    @property
    def statuses(self) -> Counter[str]:
        """How often the cache was used how."""
        return Counter(answer.headers.get("cache-status", "none") for answer in self.answers)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a second answer was no hit, or another one than the first."""
    args = _arguments(argv)
    batch = list(islice(samples(args.folder, args.only), args.images))
    with ExitStack() as held:
        settings = {"RESULT_CACHE_MB": CACHE_MB, "RESULT_CACHE_ENTRY_MB": "32"}
        if args.redis:
            folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
            settings["REDIS_URL"] = held.enter_context(redis_server(folder)).url
        served = held.enter_context(service(None, {}, **settings))
        http = held.enter_context(client())
        rounds = [sent(served, http, batch) for _ in range(2)]
    head = ["batch", "images", "hits", "misses", "wall s", "CPU s", "median ms", "slowest ms"]
    print(markdown(head, [_row(name, found) for name, found in zip(("first", "second"), rounds, strict=True)]))
    differing = [a.name for a, one, two in zip(batch, *(r.answers for r in rounds), strict=True) if not _same(one, two)]
    print(f"\nanswers that differ or are no hit: {len(differing)} {' '.join(differing[:5])}")
    return int(bool(differing))


def sent(served: Service, http: httpx.Client, batch: Sequence[Sample]) -> Round:
    """The batch, one after the other."""
    assert served.pid is not None
    started, before = time.perf_counter(), cpu_seconds(served.pid)
    answers = [served.optimize(http, sample.data) for sample in batch]
    return Round(answers, time.perf_counter() - started, cpu_seconds(served.pid) - before)


def _same(one: Answer, two: Answer) -> bool:
    """Whether the second answer is the first again, and known; a refusal is worked out anew."""
    known = two.headers.get("cache-status") == "pare; hit" and one.data == two.data
    return one.status == two.status and (known or one.status != 200)


def _row(name: str, found: Round) -> list[str]:
    statuses, times = found.statuses, [answer.seconds * 1000 for answer in found.answers]
    hits = statuses["pare; hit"]
    misses = sum(count for status, count in statuses.items() if "fwd=miss" in status)
    counts = [str(len(found.answers)), str(hits), str(misses)]
    return [name, *counts, *(number(value) for value in (found.seconds, found.cpu, median(times), max(times)))]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks cache", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=200, help="the most that are sent")
    parser.add_argument("--only", type=lambda text: text.split(","), default=(), help="formats, comma-separated")
    parser.add_argument("--redis", action="store_true", help="results in a Redis of its own, not in memory")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
