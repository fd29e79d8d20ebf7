"""A service under attack: started with secrets planted, ended by SIGTERM, and looked at afterwards."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.processes import PROC, tree
from benchmarks.programs import ROOT
from benchmarks.service import free_port, wait_until_ready

KEY, WRONG_KEY, REDIS_PASSWORD = "planted-live-key", "planted-wrong-key", "planted-redis-password"
SECRETS = (KEY, WRONG_KEY, REDIS_PASSWORD)
SETTINGS = {
    "WORKERS": "1",
    "RATE_LIMIT_PUBLIC_RPM": "0",
    "RATE_LIMIT_PUBLIC_BURST": "0",
    "RESULT_CACHE_MB": "0",  # a known result would be no work to disturb
    "API_KEY": KEY,
}
SETTLE_SECONDS = 10.0
STOP_SECONDS = 45.0
SLOT = ".lock"
"""What the files end in whose locks bound the jobs: they stay, to be used by the next service."""


@dataclass
class Besieged:
    """One service of our own; `folder` holds its data, its temporary files and its log."""

    process: subprocess.Popen[bytes]
    url: str
    folder: Path
    exit_code: int | None = None
    stop_seconds: float = 0.0
    _known: set[int] = field(default_factory=set)

    @property
    def log(self) -> str:
        """Everything that it has said so far."""
        return (self.folder / "log").read_text(errors="replace")

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", int(self.url.rpartition(":")[2])

    def client(self) -> httpx.Client:
        """A client with patience."""
        return httpx.Client(base_url=self.url, timeout=120, trust_env=False)

    def tools(self) -> dict[int, str]:
        """The programs at work just now, isolated Python workers left aside."""
        found = {pid: program(pid) for pid in tree(self.process.pid)}
        return {pid: name for pid, name in found.items() if name and name != Path(sys.executable).resolve().name}

    def worker_pids(self) -> list[int]:
        """The isolated Python workers."""
        return [pid for pid in tree(self.process.pid) if b"utils.worker" in arguments(pid)]

    def server_pids(self) -> list[int]:
        """The processes that serve where there are several, without the one that watches over them."""
        return [pid for pid in tree(self.process.pid) if b"spawn_main" in arguments(pid)]

    def stop(self) -> None:
        """End it by SIGTERM, and note how that went."""
        if self.process.poll() is None:
            self._known |= set(tree(self.process.pid))
            started = time.monotonic()
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.stop_seconds = time.monotonic() - started
        self.exit_code = self.process.returncode

    def aftermath(self) -> list[str]:
        """What an attack has left behind once everything is quiet, in words; of a service that has ended as well."""
        wrong = []
        if self.process.poll() is None:
            wrong += settled(lambda: [f"{name} {pid} still runs" for pid, name in self.tools().items()])
            wrong += settled(lambda: [f"{pid} is a zombie" for pid in tree(self.process.pid) if state(pid) == "Z"])
        elif self.exit_code is not None:
            wrong += settled(
                lambda: [f"{pid} outlived the service" for pid in self._known if state(pid) not in ("", "Z")]
            )
            wrong += [f"exit code {self.exit_code}"] if self.exit_code else []
        left = (path for path in (self.folder / "tmp").rglob("*") if path.is_file() and path.suffix != SLOT)
        wrong += [f"temporary file left: {path.name}" for path in left]
        log = self.log
        wrong += ["a traceback in the log"] if "Traceback" in log else []
        return wrong + [f"{secret} in the log" for secret in SECRETS if secret in log]


def program(pid: int) -> str:
    """The file name of the program that a process runs; empty when it is gone or a zombie."""
    try:
        return os.path.basename(os.readlink(PROC / str(pid) / "exe"))
    except OSError:
        return ""


def arguments(pid: int) -> bytes:
    """The command line of a process, empty when it is gone."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def state(pid: int) -> str:
    """The state letter of a process (proc(5)), empty when it is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return ""


def settled(complaints: Callable[[], list[str]]) -> list[str]:
    """What is still complained of when there was time to settle."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (found := complaints()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@contextmanager
def besieged(folder: Path, *, prefix: Sequence[str] = (), **settings: str) -> Iterator[Besieged]:
    """A service of its own that ends with the block; `prefix` is a program that starts it."""
    port = free_port()
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    env = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "DATA_DIR": str(folder / "data"),
        "TMPDIR": str(folder / "tmp"),
    }
    with (folder / "log").open("wb") as sink:
        process = subprocess.Popen(
            [*prefix, sys.executable, "main.py"], cwd=ROOT, env=env | SETTINGS | settings, stdout=sink, stderr=sink
        )
    service = Besieged(process, f"http://127.0.0.1:{port}", folder)
    try:
        wait_until_ready(f"{service.url}/health/live", process, folder / "log")
        yield service
    finally:
        service.stop()
