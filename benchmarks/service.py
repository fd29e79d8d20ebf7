"""The service under measurement: a running one by its URL, or one of our own on a free port."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.programs import ROOT

START_SECONDS = 30.0
END_SECONDS = 15.0
REQUEST_SECONDS = 180.0
RETRIES = 20
SETTINGS = {
    "WORKERS": "1",
    "MAX_QUEUE_DEPTH": "64",
    "RATE_LIMIT_PUBLIC_RPM": "0",
    "RATE_LIMIT_PUBLIC_BURST": "0",
    "RESULT_CACHE_MB": "0",
}
"""Everything else as it comes; a refusal for being busy, or a result that is known, would measure nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one image; `seconds` of wall time, waiting for a free place not counted."""

    status: int
    data: bytes
    headers: Mapping[str, str]
    seconds: float

    @property
    def refusal(self) -> str:
        """What an answer other than 200 says, in a line."""
        try:
            problem = json.loads(self.data)
            return f"{problem['code']}: {problem['detail']}"
        except (ValueError, KeyError, TypeError):
            return self.data[:200].decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Service:
    """Where it answers, the process it is (None for somebody else's), and the options every request carries."""

    url: str
    pid: int | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def optimize(self, client: httpx.Client, data: bytes) -> Answer:
        """POST the raw bytes; a service that asks to come back later is asked again."""
        for _ in range(RETRIES):
            started = time.perf_counter()
            reply = client.post(f"{self.url}/optimize", params=self.options, content=data, headers=RAW)
            seconds = time.perf_counter() - started
            if reply.status_code not in (429, 503) or "Retry-After" not in reply.headers:
                break
            time.sleep(float(reply.headers["Retry-After"]))
        return Answer(reply.status_code, reply.content, reply.headers, seconds)


RAW = {"Content-Type": "application/octet-stream"}


def client() -> httpx.Client:
    """A client with one connection that is kept."""
    return httpx.Client(timeout=REQUEST_SECONDS, trust_env=False)


@contextmanager
def service(url: str | None, options: Mapping[str, str], **settings: str) -> Iterator[Service]:
    """The service at `url`, or a fresh one with these settings that ends with the block."""
    if url is not None:
        yield Service(url.rstrip("/"), None, options)
        return
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        log = Path(folder) / "log"
        process = _start(port, folder, log, settings)
        try:
            wait_until_ready(f"http://127.0.0.1:{port}/health", process, log)
            yield Service(f"http://127.0.0.1:{port}", process.pid, options)
        finally:
            end(process)


def _start(port: int, data_dir: str, log: Path, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    env = {**os.environ, **SETTINGS, **settings, "PORT": str(port), "HOST": "127.0.0.1", "DATA_DIR": data_dir}
    with log.open("wb") as sink:
        return subprocess.Popen([sys.executable, "main.py"], cwd=ROOT, env=env, stdout=sink, stderr=sink)


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the URL answers; SystemExit with the end of the log when it never does."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"the service did not start:\n{log.read_text(errors='replace')[-2000:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and see that it does."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port on loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
