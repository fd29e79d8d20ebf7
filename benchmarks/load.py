"""Many images over several connections at once: images a second, and how long one waits."""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.files import Sample
from benchmarks.replay import Bare
from benchmarks.service import Answer, Service, client


@dataclass(frozen=True, slots=True)
class Load:
    """One pass over the images; times in seconds, `failed` counts answers other than 200."""

    connections: int
    rate: float
    p50: float
    p99: float
    failed: int


def load(served: Service, samples: Sequence[Sample], connections: int) -> Load:
    """Send every sample once, `connections` at a time."""
    clients = [client() for _ in range(connections)]
    shares = [[samples[index] for index in shuffled(len(samples))][n::connections] for n in range(connections)]
    started = time.perf_counter()
    with ThreadPoolExecutor(connections) as threads:
        answers = [answer for share in threads.map(_send, [served] * connections, clients, shares) for answer in share]
    seconds = time.perf_counter() - started
    waits = sorted(answer.seconds for answer in answers)
    failed = sum(answer.status != 200 for answer in answers)
    return Load(connections, len(samples) / seconds, quantile(waits, 0.5), quantile(waits, 0.99), failed)


def bare_rate(recordings: Path, samples: Sequence[Sample], processes: int) -> float:
    """Images a second of the same tools run bare, `processes` at a time."""
    with Bare(recordings, processes, warm=smallest(samples)) as bare:
        started = time.perf_counter()
        bare.all(shuffled(len(samples)))
        return len(samples) / (time.perf_counter() - started)


def smallest(samples: Sequence[Sample]) -> list[int]:
    """The index of the smallest sample of each format."""
    formats = {sample.format for sample in samples}
    sizes = [(sample.format, len(sample.data), index) for index, sample in enumerate(samples)]
    return [min(size for size in sizes if size[0] == format)[2] for format in sorted(formats)]


def shuffled(count: int) -> list[int]:
    """Always the same order, without runs of one format."""
    order = list(range(count))
    random.Random(1).shuffle(order)  # noqa: S311
    return order


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value that `share` of all values do not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _send(served: Service, http: httpx.Client, share: Sequence[Sample]) -> list[Answer]:
    with http:
        return [served.optimize(http, sample.data) for sample in share]
