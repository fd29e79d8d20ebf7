"""A real Redis on loopback."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.conftest import free_port


class RedisServer:
    """A real one on loopback that keeps nothing."""

    def __init__(self, folder: Path, port: int) -> None:
        self._argv = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        self._url = f"redis://127.0.0.1:{port}/0"

    def __enter__(self) -> str:
        self.process = subprocess.Popen(self._argv, stdout=subprocess.DEVNULL)
        with redis.Redis.from_url(self._url) as client:
            for _ in range(100):
                try:
                    client.ping()
                    return self._url
                except redis.ConnectionError:
                    time.sleep(0.05)
        raise AssertionError("redis-server did not start")

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with RedisServer(tmp_path_factory.mktemp("redis"), free_port()) as url:
        yield url
