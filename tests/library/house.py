"""A service and its worker as they run: two processes over one database and one queue."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from security.jwt import Tokens
from tests.conftest import ROOT, start_service

SECRET = "s" * 64
FINISHED = ("completed", "failed")


def token(user: str = "ann", seconds: int = 3600) -> str:
    return Tokens(SECRET).issue(user, int(time.time()) + seconds)


@dataclass
class House:
    """The processes of one test, their folder and their settings."""

    folder: Path
    settings: dict[str, str]
    client: httpx.Client = field(init=False)
    service: subprocess.Popen[bytes] = field(init=False)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def open(self) -> None:
        """Start the service."""
        settings = {"JWT_SECRET_KEY": SECRET, "RATE_LIMIT_MAX_UPLOADS": "0", **self.settings}
        self.service, address = start_service(self.folder, **settings)
        self.client = httpx.Client(base_url=f"{address}/api/v1", timeout=60, trust_env=False)

    def hire(self, **settings: str) -> subprocess.Popen[bytes]:
        """Start a worker."""
        env = {"PATH": os.environ["PATH"], "DATA_DIR": str(self.folder), "TMPDIR": str(self.folder)}
        env |= {"JWT_SECRET_KEY": SECRET, "COMPRESSION_SEMAPHORE_SIZE": "2", **self.settings, **settings}
        with (self.folder / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "worker.py"], cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT
            )
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        """End everything, kindly."""
        self.client.close()
        for process in (self.service, *self.workers):
            process.terminate()
        for process in (self.service, *self.workers):
            assert process.wait(timeout=40) in (0, -9), (self.folder / "worker.log").read_text()[-3000:]

    def headers(self, user: str = "ann") -> dict[str, str]:
        return {"Authorization": f"Bearer {token(user)}"}

    def get(self, path: str, user: str = "ann", **more: Any) -> httpx.Response:
        return self.client.get(path, headers=self.headers(user) | more.pop("headers", {}), **more)

    def post(self, path: str, user: str = "ann", **more: Any) -> httpx.Response:
        return self.client.post(path, headers=self.headers(user), **more)

    def upload(self, data: bytes, user: str = "ann", **fields: str) -> httpx.Response:
        return self.post("/images/upload", user, files={"file": ("photo.jpg", data)}, data=fields)

    def finished(self, job_id: str, user: str = "ann") -> dict[str, Any]:
        """The job's status, once it is over."""
        found: dict[str, Any] = {}

        def over() -> bool:
            found.update(self.get(f"/images/jobs/{job_id}", user).json())
            return found["status"] in FINISHED

        wait_for(over)
        return found


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


@contextmanager
def opened(folder: Path, **settings: str) -> Iterator[House]:
    house = House(folder, settings)
    house.open()
    try:
        yield house
    finally:
        house.close()
