"""A real Redis of our own on loopback, with a password, that can be stopped, hung and brought back."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.besieged import REDIS_PASSWORD
from benchmarks.service import free_port

START_SECONDS = 10.0


class RedisServer:
    """One server process at a time, always on the same port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://:{REDIS_PASSWORD}@127.0.0.1:{self.port}/0"
        self._argv = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._argv += ["--dir", str(folder), "--requirepass", REDIS_PASSWORD]

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(self._argv, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise SystemExit("redis-server did not start")

    def hang(self) -> None:
        """It keeps its connections and answers nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It goes on where it was."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """It is gone at once."""
        self._process.kill()
        self._process.wait()


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """A running one that ends with the block."""
    server = RedisServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
