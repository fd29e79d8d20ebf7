"""A million images over N workers: a simulation fed by measured service times, and its picture.

Each worker takes the next image from one queue and needs as long as a log-normal draw with the measured median and p95
says; now and then one is lost, and its image is taken again when the lease has ended. All arrive at once, as when a
shop moves in: what is asked is how long until the last one is done.
"""

import heapq
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.table import markdown

IMAGES = 1_000_000
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LEASE_SECONDS = 20.0
LOSSES_AN_HOUR = 0.5
"""How often a worker dies: a platform that takes machines away at will."""
RESTART_SECONDS = 15.0
PICTURE = Path("docs/images/scale.svg")
P95 = 1.6449
"""Standard deviations."""


def main(measured: str, seed: int) -> int:
    """Print the table and draw the picture."""
    middle, high = (float(part) for part in measured.split(","))
    rows, points = [], []
    for workers in WORKERS:
        hours, lost = simulated(workers, middle, high, np.random.default_rng(seed))
        rows.append([str(workers), f"{hours:,.2f}", f"{IMAGES / hours / 3600:,.1f}", str(lost)])
        points.append((workers, hours))
    print(markdown(["workers", "hours to the last", "images/s", "images begun twice"], rows))
    PICTURE.write_text(drawn(points))
    return 0


def simulated(workers: int, middle: float, high: float, rng: np.random.Generator) -> tuple[float, int]:
    """Hours until the last of them is done, and how many were lost with their worker and taken again."""
    sigma = math.log(high / middle) / P95
    times = rng.lognormal(math.log(middle), sigma, IMAGES)
    dies = rng.random(IMAGES) < times * LOSSES_AN_HOUR / 3600
    free = [0.0] * workers
    again: list[float] = []
    for seconds, died in zip(times, dies, strict=True):
        start = heapq.heappop(free)
        if died:
            moment = start + seconds * rng.random()
            heapq.heappush(again, moment + LEASE_SECONDS)
            heapq.heappush(free, moment + RESTART_SECONDS)
        else:
            heapq.heappush(free, start + seconds)
    return _finished(free, again, middle) / 3600, len(again)


def _finished(free: list[float], again: Sequence[float], seconds: float) -> float:
    """The lost ones at the end of the queue; none may be begun before its lease is over."""
    last = max(free)
    for due in sorted(again):
        end = max(heapq.heappop(free), due) + seconds
        last = max(last, end)
        heapq.heappush(free, end)
    return last


def drawn(points: Sequence[tuple[int, float]]) -> str:
    """An SVG with both axes logarithmic: workers to the right, hours upwards."""
    top = math.ceil(math.log10(max(hours for _, hours in points)))
    low = math.floor(math.log10(min(hours for _, hours in points)))

    def at(workers: float, hours: float) -> tuple[float, float]:
        x = 60 + 420 * math.log2(workers) / math.log2(points[-1][0])
        return round(x, 1), round(250 - 210 * (math.log10(hours) - low) / (top - low), 1)

    lines = [_line(at(1, 10**power), at(points[-1][0], 10**power), f"{10**power:g} h") for power in range(low, top + 1)]
    marks = [_mark(*at(workers, hours), workers) for workers, hours in points]
    path = " ".join(f"{x},{y}" for x, y in (at(*point) for point in points))
    return "\n".join(
        (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 300" font-family="sans-serif" font-size="11">',
            '<rect width="500" height="300" fill="#fff"/>',
            f'<text x="60" y="22" font-size="14">{IMAGES:,} images: hours until the last is done</text>',
            *lines,
            f'<polyline points="{path}" fill="none" stroke="#d6336c" stroke-width="3"/>',
            *marks,
            '<text x="270" y="290" text-anchor="middle" fill="#6b7280">workers</text>',
            "</svg>\n",
        )
    )


def _line(start: tuple[float, float], end: tuple[float, float], label: str) -> str:
    (x1, y1), (x2, y2) = start, end
    line = f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#e5e7eb"/>'
    return f'{line}<text x="{x1 - 8}" y="{y1 + 4}" text-anchor="end" fill="#6b7280">{label}</text>'


def _mark(x: float, y: float, workers: int) -> str:
    label = f'<text x="{x}" y="270" text-anchor="middle" fill="#6b7280">{workers}</text>'
    return f'<circle cx="{x}" cy="{y}" r="4" fill="#d6336c"/>{label}'
