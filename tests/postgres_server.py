"""A real PostgreSQL on loopback, and a database of either kind for the library's tests."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import free_port

VERSIONS = Path("/usr/lib/postgresql")
FAST = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "max_connections=200")


class PostgresServer:
    """A cluster in a folder of its own; PostgreSQL refuses to run as root, so root runs it as `postgres`."""

    def __init__(self, port: int) -> None:
        self._bin = max(VERSIONS.iterdir(), key=lambda path: int(path.name)) / "bin"
        self.port = port

    def __enter__(self) -> "PostgresServer":
        self._folder = Path(tempfile.mkdtemp(prefix="pare-postgres-"))
        if os.getuid() == 0:
            shutil.chown(self._folder, "postgres", pwd.getpwnam("postgres").pw_gid)
        self._data = ("-D", str(self._folder / "data"))
        self._run("initdb", *self._data, "-U", "pare", "--auth=trust", "-E", "UTF8", "--no-sync", "--locale=C")
        self.start()
        return self

    def start(self) -> None:
        """Start it again where it was stopped."""
        options = ["-p", str(self.port), "-h", "127.0.0.1", "-k", str(self._folder), *FAST]
        self._run(
            "pg_ctl",
            "-D",
            str(self._folder / "data"),
            "-w",
            "-l",
            str(self._folder / "log"),
            "-o",
            " ".join(options),
            "start",
        )

    def stop(self) -> None:
        """End it at once."""
        self._run("pg_ctl", *self._data, "-m", "immediate", "-w", "stop")

    def create(self, name: str) -> str:
        """A new database; its URL."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "pare", name)
        return f"postgresql://pare@127.0.0.1:{self.port}/{name}"

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def _run(self, program: str, *args: str) -> None:
        done = subprocess.run(
            [self._bin / program, *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            user="postgres" if os.getuid() == 0 else None,
        )
        assert done.returncode == 0, done.stdout.decode()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with PostgresServer(free_port()) as server:
        yield server
