"""Asks /health twenty times a second, in a process of its own that ends with its standard input."""

import http.client
import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks.load import quantile
from benchmarks.programs import ROOT

INTERVAL_SECONDS = 0.05
PATIENCE_SECONDS = 30.0


@dataclass
class Pulse:
    """Seconds that each answer took, and what came instead of one."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def milliseconds(self, share: float) -> float:
        """The time that `share` of all answers did not exceed."""
        return 1000 * quantile(sorted(self.seconds), share)


@contextmanager
def pulse(url: str) -> Iterator[Pulse]:
    """Feel the service's pulse while the block runs; the figures are there afterwards."""
    found = Pulse()
    argv = [sys.executable, "-m", "benchmarks.probe", url]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as prober:
        try:
            yield found
        finally:
            said, _ = prober.communicate()
            found.seconds, found.failures = json.loads(said)


def main(url: str) -> None:
    """Probe until standard input ends, then write everything as JSON."""
    found, over = Pulse(), False
    while not over:
        started = time.perf_counter()
        found.failures += _faults(url)
        found.seconds.append(time.perf_counter() - started)
        over = bool(select.select([sys.stdin], [], [], INTERVAL_SECONDS)[0])
    json.dump([found.seconds, found.failures], sys.stdout)


def _faults(url: str) -> list[str]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except OSError as error:
        return [f"/health: {error!r}"]
    finally:
        connection.close()
    return [] if status == 200 else [f"/health: answered {status}"]


if __name__ == "__main__":
    main(sys.argv[1])
