"""A service and workers of our own over one folder, for measuring the library's jobs."""

import os
import signal
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
from benchmarks.service import free_port
from security.jwt import Tokens

SECRET = "benchmark" * 8
START_SECONDS = 60.0
END_SECONDS = 60.0
SETTINGS = {
    "WORKERS": "1",
    "JWT_SECRET_KEY": SECRET,
    "RATE_LIMIT_MAX_UPLOADS": "0",
    "RATE_LIMIT_PUBLIC_RPM": "0",
    "RATE_LIMIT_PUBLIC_BURST": "0",
    "LOG_LEVEL": "WARNING",
}


@dataclass
class Workplace:
    """The processes, and where their service answers."""

    folder: Path
    settings: Mapping[str, str]
    url: str = ""
    service: "subprocess.Popen[bytes] | None" = None
    workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    hired: int = 0

    @property
    def database(self) -> str:
        """The URL of its tables."""
        return self.settings.get("DATABASE_URL") or f"sqlite:///{self.folder}/library.db"

    @property
    def headers(self) -> dict[str, str]:
        """A user's token."""
        return {"Authorization": f"Bearer {Tokens(SECRET).issue('bench', int(time.time()) + 86_400)}"}

    def client(self) -> httpx.Client:
        """A client that keeps its connections."""
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=self.headers, timeout=60, trust_env=False)

    def open(self) -> None:
        """Start the service."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.service = self._start("main.py", PORT=str(port), TMPDIR=str(self.folder))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.url}/health/live", trust_env=False)
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise RuntimeError("the service did not start")

    def hire(self, jobs: int = 1) -> None:
        """Start a worker with slots of its own, as if it had a machine for itself."""
        self.hired += 1
        own = self.folder / f"machine-{self.hired}"
        own.mkdir()
        slots = {"TMPDIR": str(own), "COMPRESSION_SEMAPHORE_SIZE": str(jobs)}
        self.workers.append(self._start("worker.py", **slots))

    def wait_for_workers(self) -> None:
        """Until every one of them has said that it is there."""
        deadline = time.monotonic() + START_SECONDS
        with self.client() as client:
            while client.get("/health/stats").json()["celery"]["active_workers"] < len(self.workers):
                if time.monotonic() > deadline:
                    raise RuntimeError("a worker did not start")
                time.sleep(0.2)

    def kill_one(self) -> None:
        """kill -9 of the oldest worker, and another one in its place."""
        oldest = self.workers.pop(0)
        oldest.send_signal(signal.SIGKILL)
        oldest.wait()
        self.hire()

    def close(self) -> None:
        """End everything."""
        for process in (self.service, *self.workers):
            if process is not None:
                process.terminate()
        for process in (self.service, *self.workers):
            if process is not None:
                process.wait(timeout=END_SECONDS)

    def _start(self, program: str, **own: str) -> "subprocess.Popen[bytes]":
        env = {"PATH": os.environ["PATH"], "DATA_DIR": str(self.folder), **SETTINGS, **self.settings, **own}
        with (self.folder / f"{program}.log").open("ab") as log:
            return subprocess.Popen([sys.executable, program], cwd=ROOT, env=env, stdout=log, stderr=log)


@contextmanager
def opened(settings: Mapping[str, str]) -> Iterator[Workplace]:
    """A workplace in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="pare-library-") as folder:
        place = Workplace(Path(folder), settings)
        try:
            place.open()
            yield place
        finally:
            place.close()
