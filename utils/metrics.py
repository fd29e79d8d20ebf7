"""Every Prometheus metric, declared once. Labels come from closed sets: names of ours, never input."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Read by prometheus_client when it is imported: where it is set, values live in files that every process can read."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""Any other method; any path that is no route of the API."""
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
POINTS = (0.5, 1, 2, 3, 5, 8, 12, 20, 35, 60)
SCORES = (30, 50, 60, 65, 70, 75, 80, 85, 90, 95, 100)

disable_created_metrics()  # type: ignore[no-untyped-call]

REQUESTS = Counter("http_requests", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("http_request_duration_seconds", "Time to answer.", ["method", "route"], buckets=SECONDS)
REQUESTS_SECONDS = Histogram(
    "http_requests_duration_seconds", "The same under the name of older boards.", ["method", "route"], buckets=SECONDS
)
PROCESSED_BYTES = Counter("processed_bytes", "Bytes of pictures worked on, under the name of older boards.")
INPUT_BYTES = Counter("pare_input_bytes", "Bytes of pictures that came in.")
OUTPUT_BYTES = Counter("pare_output_bytes", "Bytes of pictures that went out.")
SAVED_BYTES = Counter("pare_saved_bytes", "Bytes that results are smaller than what came in.")
OPTIMIZATIONS = Counter("pare_optimizations", "Pictures worked on, by outcome.", ["format", "method", "reason"])
TOOL_SECONDS = Histogram("pare_tool_seconds", "Time in a program or isolated function.", ["tool"], buckets=SECONDS)
TOOL_FAILURES = Counter("pare_tool_failures", "Uses of a tool that gave nothing.", ["tool", "kind"])
SPAN_SECONDS = Histogram("pare_span_seconds", "Where a picture's time goes.", ["span"], buckets=SECONDS)
QUALITY_SCORE = Histogram("pare_quality_score", "Perceptual score of results (SSIMULACRA2).", buckets=SCORES)
ESTIMATE_ERROR = Histogram(
    "pare_estimate_error_points", "Points by which an estimate missed the reduction that followed.", buckets=POINTS
)
JOBS_IN_PROGRESS = Gauge("pare_jobs_in_progress", "Pictures being worked on.", multiprocess_mode="livesum")
QUEUE_DEPTH = Gauge("pare_queue_depth", "Pictures that wait for a slot.", multiprocess_mode="livesum")
CACHE_REQUESTS = Counter("pare_cache_requests", "Look-ups in a cache.", ["layer", "result"])
CACHE_BREAKER_OPEN = Gauge(
    "pare_cache_breaker_open", "1 since Redis failed the result cache, until it answers.", multiprocess_mode="livemax"
)
RATE_LIMIT_DECISIONS = Counter(
    "pare_ratelimit_decisions", "Calls allowed, refused, or let pass uncounted as Redis fails.", ["decision"]
)
RATE_LIMIT_BREAKER_OPEN = Gauge(
    "pare_ratelimit_breaker_open", "1 since Redis failed, until it counts again.", multiprocess_mode="livemax"
)


def observe_request(method: str, route: str | None, status: int, seconds: float) -> None:
    """One answered request; `route` is the template that matched, None where none did."""
    method, route = method if method in METHODS else OTHER, route or OTHER
    REQUESTS.labels(method, route, status).inc()
    REQUEST_SECONDS.labels(method, route).observe(seconds)
    REQUESTS_SECONDS.labels(method, route).observe(seconds)


def observe_tool(tool: str, seconds: float, failure: str | None) -> None:
    """One use of a tool and, where it gave nothing, the kind of failure."""
    TOOL_SECONDS.labels(tool).observe(seconds)
    if failure:
        TOOL_FAILURES.labels(tool, failure).inc()


def observe_optimization(format: str, method: str, reason: str, bytes_in: int, bytes_out: int) -> None:
    """One picture that got its answer."""
    OPTIMIZATIONS.labels(format, method, reason).inc()
    PROCESSED_BYTES.inc(bytes_in)
    INPUT_BYTES.inc(bytes_in)
    OUTPUT_BYTES.inc(bytes_out)
    SAVED_BYTES.inc(max(0, bytes_in - bytes_out))


def observe_spans(milliseconds: Mapping[str, float]) -> None:
    """Where one picture's time went, by the names that `Server-Timing` has."""
    for name, spent in milliseconds.items():
        SPAN_SECONDS.labels(name).observe(spent / 1000)


def share_between_processes(folder: Path) -> None:
    """Let server processes that are started from now on count into one folder, emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[SHARED_FOLDER] = str(folder.absolute())


def exposition() -> bytes:
    """All values as Prometheus text, summed over the server processes. Raises OSError, ValueError."""
    folder = os.environ.get(SHARED_FOLDER)
    if not folder:
        return generate_latest(REGISTRY)
    _forget_gauges_of_the_dead(Path(folder))
    together = CollectorRegistry()
    MultiProcessCollector(together, folder)  # type: ignore[no-untyped-call]
    return generate_latest(together)


def _forget_gauges_of_the_dead(folder: Path) -> None:
    """What a process had in hand ended with it; what it counted stays."""
    for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")}:
        if not Path("/proc", pid).exists():
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
