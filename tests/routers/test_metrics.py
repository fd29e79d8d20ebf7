"""What Prometheus scrapes, from one process and from several."""

import os
import signal
import socket
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import start_service
from tests.helpers import encode, photo
from tests.routers.test_connection import children, hard_picture, request_bytes, wait_for

IMAGE = encode(photo(64, 48), "JPEG")
NAMES = {
    "http_requests",
    "http_request_duration_seconds",
    "http_requests_duration_seconds",
    "processed_bytes",
    "pare_input_bytes",
    "pare_output_bytes",
    "pare_saved_bytes",
    "pare_optimizations",
    "pare_tool_seconds",
    "pare_tool_failures",
    "pare_quality_score",
    "pare_jobs_in_progress",
    "pare_queue_depth",
    "pare_cache_requests",
    "pare_ratelimit_decisions",
    "pare_ratelimit_breaker_open",
}
"""The contract's, without the `_total` that the text format gives to counters."""


class Scrape:
    """The samples of one exposition."""

    def __init__(self, address: str, **headers: str) -> None:
        self.answer = httpx.get(f"{address}/metrics", headers=headers, trust_env=False)
        assert self.answer.status_code == 200
        self.families = {family.name: family for family in text_string_to_metric_families(self.answer.text)}

    def sum(self, name: str, **labels: str) -> float:
        """All samples of that name with these labels, added."""
        samples = [s for family in self.families.values() for s in family.samples if s.name == name]
        return sum(s.value for s in samples if labels.items() <= s.labels.items())


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service whose metrics nobody else changes."""
    process, address = start_service(tmp_path_factory.mktemp("watched"), RATE_LIMIT_PUBLIC_RPM="1000")
    yield address
    process.terminate()
    assert process.wait(timeout=40) == 0


def test_every_name_of_the_contract_is_there(watched: str) -> None:
    scrape = Scrape(watched)
    assert scrape.families.keys() >= NAMES
    assert scrape.answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_picture_is_counted_with_its_bytes_and_tools(watched: str) -> None:
    before = Scrape(watched)
    answer = httpx.post(f"{watched}/optimize", content=IMAGE, trust_env=False)
    after = Scrape(watched)

    def grown(name: str, **labels: str) -> float:
        return after.sum(name, **labels) - before.sum(name, **labels)

    assert grown("http_requests_total", method="POST", route="/optimize", status="200") == 1
    for name in ("http_request_duration_seconds_count", "http_requests_duration_seconds_count"):
        assert grown(name, method="POST", route="/optimize") == 1
    assert grown("pare_optimizations_total", format="jpeg", method="cjpegli", reason="optimized") == 1
    assert grown("pare_input_bytes_total") == grown("processed_bytes_total") == len(IMAGE)
    assert grown("pare_output_bytes_total") == len(answer.content)
    assert grown("pare_saved_bytes_total") == len(IMAGE) - len(answer.content)
    assert grown("pare_tool_seconds_count", tool="cjpegli") > 0
    assert grown("pare_tool_failures_total") == 0
    assert grown("pare_ratelimit_decisions_total", decision="allowed") == 1


def test_a_tool_that_fails_is_counted_where_the_picture_is_refused(watched: str) -> None:
    cut = encode(photo(64, 48), "WEBP")[:-200]
    broken = cut[:4] + (len(cut) - 8).to_bytes(4, "little") + cut[8:16] + (len(cut) - 20).to_bytes(4, "little")
    broken += cut[20:]
    before = Scrape(watched)
    assert httpx.post(f"{watched}/optimize", content=broken, trust_env=False).status_code == 422
    assert Scrape(watched).sum("pare_tool_failures_total") > before.sum("pare_tool_failures_total")


def test_labels_are_never_what_callers_say(watched: str) -> None:
    with httpx.Client(base_url=watched, trust_env=False) as client:
        for n in range(3):
            assert client.get(f"/nowhere/{n}").status_code == 404
            assert client.request(f"BREW{n}", "/health").status_code == 405
            preflight = {"Origin": f"http://shop{n}.example", "Access-Control-Request-Method": "POST"}
            assert client.options("/optimize", headers=preflight).status_code == 200
    values = defaultdict(set)
    scrape = Scrape(watched)
    for sample in scrape.families["http_requests"].samples:
        for name, value in sample.labels.items():
            values[name].add(value)
    assert values["method"] <= {"GET", "POST", "OPTIONS", "HEAD", "other"}
    assert values["route"] <= {"/health", "/health/live", "/metrics", "/optimize", "other"}
    assert scrape.sum("http_requests_total", method="GET", route="other", status="404") == 3
    assert scrape.sum("http_requests_total", method="other", route="/health", status="405") == 3


def test_a_client_that_vanishes_is_a_499(watched: str) -> None:
    with socket.create_connection(("127.0.0.1", int(watched.rpartition(":")[2]))) as client:
        client.sendall(request_bytes(hard_picture()))
        wait_for(lambda: Scrape(watched).sum("pare_jobs_in_progress") == 1)
    wait_for(lambda: Scrape(watched).sum("http_requests_total", route="/optimize", status="499") == 1)
    assert Scrape(watched).sum("pare_jobs_in_progress") == 0


def test_the_token_guards_it(tmp_path: Path) -> None:
    process, address = start_service(tmp_path, METRICS_TOKEN="board", API_KEY="caller")
    try:
        assert Scrape(address, Authorization="Bearer board").families.keys() >= NAMES
        for wrong in ({}, {"Authorization": "Bearer caller"}, {"Authorization": "Bearer boards"}):
            answer = httpx.get(f"{address}/metrics", headers=wrong, trust_env=False)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "board" not in (tmp_path / "service.log").read_text()
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0


def counted_by_each(folder: Path) -> list[float]:
    """Requests that each server process has counted so far."""
    files = sorted(folder.glob("counter_*.db"))
    merged = [MultiProcessCollector.merge([str(path)]) for path in files]
    return [sum(s.value for m in metrics for s in m.samples if s.name == "http_requests_total") for metrics in merged]


def test_several_processes_add_up_and_the_dead_hold_nothing(tmp_path: Path) -> None:
    leftover = tmp_path / "metrics" / "counter_1.db"
    leftover.parent.mkdir()
    leftover.write_bytes(b"of an earlier run")
    process, address = start_service(tmp_path, WORKERS="2")
    try:
        sent = 0
        while sent < 20 or min(counted_by_each(leftover.parent), default=0) == 0:
            assert httpx.get(f"{address}/nowhere", trust_env=False).status_code == 404
            sent += 1
            assert sent < 1000, "one process answers everything"
        assert [Scrape(address).sum("http_requests_total", route="other") for _ in range(4)] == [sent] * 4
        assert len(counted_by_each(leftover.parent)) == 2

        with ThreadPoolExecutor(1) as pool:
            lost = pool.submit(httpx.post, f"{address}/optimize?effort=best", content=hard_picture(), timeout=60)
            wait_for(lambda: Scrape(address).sum("pare_jobs_in_progress") == 1)
            pids = [int(path.stem.rpartition("_")[2]) for path in leftover.parent.glob("gauge_livesum_*.db")]
            wait_for(lambda: any("pngquant" in children(pid) for pid in pids))
            os.kill(next(pid for pid in pids if "pngquant" in children(pid)), signal.SIGKILL)
            assert isinstance(lost.exception(), httpx.TransportError)
        wait_for(lambda: Scrape(address).sum("pare_jobs_in_progress") == 0)
        assert Scrape(address).sum("http_requests_total", route="other") == sent
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0


def test_without_its_folder_it_is_a_503(tmp_path: Path) -> None:
    process, address = start_service(tmp_path, PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    try:
        tmp_path.rename(tmp_path.with_name("elsewhere"))
        answer = httpx.get(f"{address}/metrics", trust_env=False)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0
