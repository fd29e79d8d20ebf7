"""Fixtures that every room shares: real tools, real isolated workers, a real service."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings

from optimizers.engine import Engine
from optimizers.toolbox import Toolbox
from security.file_validation import ImageLimits
from utils.concurrency import Slots
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import ROOT, WorkerPool

# The same examples in every run, so that a red suite says something of the change; `--hypothesis-profile=default`
# looks for new ones.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

pytest_plugins = ["tests.stores", "tests.redis_server", "tests.postgres_server"]
SEARCH_PATH = f"{os.environ['PATH']}:{ROOT / '.tools' / 'bin'}"
WORKER_ENV = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}
TOKEN_SECRET = "u" * 64
LIMITS = ImageLimits(pixels=50_000_000, total_pixels=200_000_000, frames=1000)


@pytest.fixture
async def workers() -> AsyncIterator[WorkerPool]:
    """One isolated worker."""
    pool = WorkerPool(1, WORKER_ENV)
    yield pool
    await pool.close()


@pytest.fixture
async def tools(workers: WorkerPool) -> Toolbox:
    """A toolbox with a minute to spend."""
    return Toolbox(ToolRunner(SEARCH_PATH), workers, deadline=time.monotonic() + 60, tool_timeout=60)


@pytest.fixture
async def engine(workers: WorkerPool, tmp_path: Path) -> Engine:
    """The engine over every format, with real tools."""
    return Engine(ToolRunner(SEARCH_PATH), workers, Slots(tmp_path, 1, 2), LIMITS, tool_timeout=60)


def free_port() -> int:
    """A port on loopback that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_service(folder: Path, **settings: str) -> tuple[subprocess.Popen[bytes], str]:
    """A service of its own on a free port; its process and its address once it answers."""
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "WORKERS": "1",
        "DATA_DIR": str(folder),
        "TMPDIR": str(folder),
    }
    env |= {"RATE_LIMIT_PUBLIC_RPM": "0", "RATE_LIMIT_PUBLIC_BURST": "0", **settings}
    log = (folder / "service.log").open("wb")
    process = subprocess.Popen([sys.executable, "main.py"], cwd=ROOT, env=env, stdout=log, stderr=subprocess.STDOUT)
    log.close()
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            httpx.get(f"{address}/health/live", trust_env=False)
            return process, address
        except httpx.TransportError:
            assert process.poll() is None, (folder / "service.log").read_text()
            time.sleep(0.1)
    process.kill()
    raise AssertionError((folder / "service.log").read_text())


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of one service with default settings that all tests share."""
    users = {"JWT_SECRET_KEY": TOKEN_SECRET, "RATE_LIMIT_MAX_UPLOADS": "0"}
    process, address = start_service(tmp_path_factory.mktemp("service"), TICKET_SECRET="t" * 32, **users)
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client
    process.terminate()
    assert process.wait(timeout=40) == 0
