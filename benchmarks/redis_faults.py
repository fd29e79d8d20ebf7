"""Redis hangs, goes, comes back, or is something else altogether under a service that counts calls in it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.besieged import Besieged, besieged
from benchmarks.judge import Tally, fault_of
from benchmarks.redis_server import RedisServer, redis_server

REDIS_CALLS = 20
BREAKER_SECONDS = 20.0
"""Until counting has to have begun again: the breaker's 5 seconds, and a machine with other things to do."""
SLOW_CALLS_SECONDS = 0.25 * REDIS_CALLS
"""What REDIS_CALLS would take if each of them waited for Redis."""


def redis_fails(folder: Path) -> Tally:
    """Redis hangs, goes on, is gone, comes back: calls are answered all along, and counted when they can be."""
    tally = Tally("Redis hung, gone, back")
    with (
        redis_server(folder) as redis,
        besieged(folder, REDIS_URL=redis.url, RATE_LIMIT_PUBLIC_RPM="100000") as service,
    ):
        _counts(service, tally, "at first")
        for what, fail, mend in (
            ("hung", RedisServer.hang, RedisServer.resume),
            ("gone", RedisServer.stop, RedisServer.start),
        ):
            fail(redis)
            _goes_on(service, tally, what)
            mend(redis)
            _counts(service, tally, f"after it was {what}")
        tally.note("aftermath", *service.aftermath())
    return tally


def redis_talks_nonsense(folder: Path) -> Tally:
    """Something listens where Redis should, and it is not Redis."""
    tally = Tally("nonsense for Redis")
    with (
        nonsense() as port,
        besieged(folder, REDIS_URL=f"redis://127.0.0.1:{port}/0", RATE_LIMIT_PUBLIC_RPM="5") as service,
    ):
        _goes_on(service, tally, "nonsense")
        tally.note("aftermath", *service.aftermath())
    return tally


def _goes_on(service: Besieged, tally: Tally, what: str) -> None:
    """Without Redis every call is answered, none is counted, at most one has waited, and the log says so."""
    warnings = service.log.count("rate limits are off")
    with service.client() as http:
        started = time.monotonic()
        answers = [http.post("/optimize", content=b"") for _ in range(REDIS_CALLS)]
        seconds = time.monotonic() - started
        for answer in answers:
            tally.note(what, fault_of(answer), "" if answer.status_code == 400 else f"answered {answer.status_code}")
    tally.note(what, "every call waited" if seconds > SLOW_CALLS_SECONDS else "")
    tally.note(what, "counted" if "ratelimit" in answers[-1].headers else "")
    time.sleep(0.2)  # lines are written by a thread of their own
    tally.note(what, "no warning" if service.log.count("rate limits are off") == warnings else "")


def _counts(service: Besieged, tally: Tally, what: str) -> None:
    """Before long calls are counted."""
    deadline = time.monotonic() + BREAKER_SECONDS
    with service.client() as http:
        while "ratelimit" not in (answer := http.post("/optimize", content=b"")).headers:
            if time.monotonic() > deadline:
                tally.note(what, "calls are not counted")
                return
            time.sleep(0.2)
    tally.note(what, fault_of(answer))


@contextmanager
def nonsense() -> Iterator[int]:
    """The port of a server that answers everything with something else."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n$-9\r\n\xff\x00:many\r\n")

    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve)
        server.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            server.join()
            for connection in connections:
                connection.close()
