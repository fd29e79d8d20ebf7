"""What a large upload takes of memory: the service's own process, and the programs and workers beside it.

python -m benchmarks memory
python -m benchmarks memory --megabytes 10
"""

import argparse
import io
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx
import numpy as np
from PIL import Image

from benchmarks.processes import PROC, MemoryWatch
from benchmarks.service import RAW, client, service
from benchmarks.table import markdown, number, verdict

MOST = 3.0
"""Times the input that the service's own process may grow by."""
Send = Callable[[httpx.Client, str, bytes], httpx.Response]


@dataclass(frozen=True, slots=True)
class Growth:
    """One upload; megabytes."""

    door: str
    input: float
    status: int
    service: float
    """By which the service's own process grew at most."""
    beside: float
    """The most that everything was together, less what the service's own process was at most."""

    @property
    def times(self) -> float:
        """How many inputs the service held at once."""
        return self.service / self.input


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when an upload took more than it may, or failed."""
    args = _arguments(argv)
    data = picture(args.megabytes * 1_000_000)
    found = [measured(door, data) for door in DOORS]
    head = ["upload", "input MB", "status", "service MB", "x input", f"at most {MOST:g}", "tools and workers MB"]
    print(markdown(head, [_row(growth) for growth in found]))
    return int(any(growth.status != 200 or growth.times > MOST for growth in found))


def measured(door: str, data: bytes) -> Growth:
    """One upload to a fresh service that remembers results."""
    with service(None, {}, MAX_FILE_SIZE_MB="64", RESULT_CACHE_MB="64") as served, client() as http:
        assert served.pid is not None
        DOORS[door](http, served.url, picture(100_000))
        before = _own(served.pid, "VmRSS")
        (PROC / str(served.pid) / "clear_refs").write_text("5")  # the peak begins anew: proc(5)
        with MemoryWatch(served.pid) as watch:
            answer = DOORS[door](http, served.url, data)
        peak = _own(served.pid, "VmHWM")
    return Growth(door, len(data) / 1e6, answer.status_code, peak - before, max(0.0, watch.peak_mb - peak))


def picture(size: int) -> bytes:
    """A noisy JPEG of about so many bytes."""
    side = int((size / 0.97) ** 0.5)
    noise = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "JPEG", quality=92)
    return out.getvalue()


def _own(pid: int, field: str) -> float:
    """One line of /proc/<pid>/status in MB."""
    found = re.search(rf"^{field}:\s+(\d+) kB", (PROC / str(pid) / "status").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024 / 1e6


def _raw(path: str) -> Send:
    return lambda http, url, data: http.post(url + path, content=data, headers=RAW)


def _form(path: str, field: str) -> Send:
    return lambda http, url, data: http.post(url + path, files={field: data})


DOORS: dict[str, Send] = {
    "/optimize, body": _raw("/optimize"),
    "/optimize, form": _form("/optimize", "file"),
    "/compress, body": _raw("/compress"),
    "/compress, form": _form("/compress", "image"),
}


def _row(growth: Growth) -> list[str]:
    numbers = [number(growth.service), number(growth.times), verdict(growth.times, MOST, MOST, most=True)]
    return [growth.door, number(growth.input), str(growth.status), *numbers, number(growth.beside)]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks memory", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=30, help="size of the upload")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
