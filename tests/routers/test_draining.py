"""From SIGTERM to the end: kept connections are answered, and told to go."""

import http.client
import json
import signal
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.conftest import start_service
from tests.helpers import encode, photo
from tests.routers.test_connection import wait_for

Answer = tuple[int, dict[str, str], bytes]


def connected(address: str) -> closing[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection(address.removeprefix("http://"), timeout=30))


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None) -> Answer:
    connection.request(method, path, body)
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_kept_connections_are_answered_and_closed(tmp_path: Path, workers: str) -> None:
    process, address = start_service(tmp_path, WORKERS=workers)
    with ExitStack() as stack:
        kept = [stack.enter_context(connected(address)) for _ in range(4)]
        for connection in kept:
            assert ask(connection, "GET", "/health/ready")[0] == 200
        process.send_signal(signal.SIGTERM)

        # Until the server has looked at the signal, everything is as it was.
        answers: list[Answer] = []
        wait_for(lambda: answers.append(ask(kept[0], "GET", "/health/ready")) or answers[-1][0] != 200)
        status, headers, body = answers[-1]
        assert (status, json.loads(body)["code"]) == (503, "unavailable")
        assert headers["content-type"] == "application/problem+json" and int(headers["retry-after"]) > 0
        assert headers["connection"] == "close"
        if workers == "1":  # else another process, which may not have looked yet
            status, headers, body = ask(kept[1], "POST", "/optimize", encode(photo(32, 32), "JPEG"))
            assert (status, json.loads(body)["code"], headers["connection"]) == (503, "unavailable", "close")
            assert int(headers["retry-after"]) > 0
            status, headers, _ = ask(kept[2], "GET", "/health/live")
            assert (status, headers["connection"]) == (200, "close")
        assert process.wait(timeout=40) == 0
    assert "Traceback" not in (tmp_path / "service.log").read_text()
