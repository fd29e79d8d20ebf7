"""What breaks under a running service: disk, Redis, processes, tools; each a function that says what went wrong."""

import asyncio
import io
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from benchmarks.besieged import Besieged, besieged
from benchmarks.judge import Tally, fault_of
from benchmarks.redis_server import RedisServer, redis_server
from benchmarks.wire import all_at_once, post
from optimizers.router import FORMATS
from optimizers.samples import still

AT_ONCE = 1000
IN_FLIGHT = 6
REDIS_CALLS = 20
BREAKER_SECONDS = 20.0
"""Until counting has to have begun again: the breaker's 5 seconds, and a machine with other things to do."""
SLOW_CALLS_SECONDS = 0.25 * REDIS_CALLS
"""What REDIS_CALLS would take if each of them waited for Redis."""


def noise(side: int, format: str = "PNG") -> bytes:
    """A picture that keeps tools busy: a second or two for a PNG of 700 pixels."""
    grain = np.random.default_rng(7).integers(0, 255, (side, side, 3), dtype="uint8")
    out = io.BytesIO()
    Image.fromarray(grain, "RGB").save(out, format)
    return out.getvalue()


def sent(service: Besieged, tally: Tally, data: bytes, what: str, *allowed: int, **options: str) -> httpx.Response:
    """The answer to one picture, noted; with `allowed`, any other status is wrong."""
    with service.client() as http:
        answer = http.post("/optimize", content=data, params=options)
    fault = fault_of(answer)
    if not fault and allowed and answer.status_code not in allowed:
        fault = f"answered {answer.status_code}: {answer.text[:200]}"
    tally.note(what, fault)
    return answer


def disk_full(folder: Path) -> Tally:
    """Not a byte and not a file more for data and temporary files; then room again."""
    tally = Tally("disk full")
    disk = folder / "disk"
    disk.mkdir()
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    temporary = disk / "tmp"
    mount = f'mount -t tmpfs -o size=256k,nr_inodes=64 pare {disk} && mkdir {temporary} && exec "$@"'
    prefix = ["unshare", *as_root, "--mount", "sh", "-c", mount, "sh"]
    with besieged(folder, prefix=prefix, DATA_DIR=f"{disk}/data", TMPDIR=str(temporary)) as service:
        inside = Path(f"/proc/{service.process.pid}/root{disk}")
        ballast = fill(inside)
        for optimizer in FORMATS:
            sent(service, tally, optimizer.sample(), optimizer.spec.name, 200)
        for path in ballast:
            path.unlink()
        sent(service, tally, still("PNG"), "room again", 200)
        tally.note("aftermath", *service.aftermath(), *(p.name for p in (inside / "tmp").iterdir()))
    return tally


def fill(folder: Path) -> list[Path]:
    """Files that leave neither room nor names on the disk of a folder."""
    made = [folder / "ballast"]
    with suppress(OSError), made[0].open("wb", buffering=0) as ballast:
        while ballast.write(bytes(4096)):
            pass
    with suppress(OSError):
        for number in range(10_000):
            path = folder / f"ballast-{number}"
            path.touch()
            made.append(path)
    return made


def tools_killed(folder: Path) -> Tally:
    """Every tool dies by SIGKILL as soon as it is seen at work: the picture comes back all the same."""
    return _killed(folder, "tools killed", lambda service: list(service.tools()), 200)


def workers_killed(folder: Path) -> Tally:
    """The isolated Python workers die in the middle of their work: one picture may, the service does not."""
    return _killed(folder, "workers killed", Besieged.worker_pids, 200, 422, 503)


def _killed(folder: Path, area: str, victims: Callable[[Besieged], list[int]], *allowed: int) -> Tally:
    tally = Tally(area)
    with besieged(folder) as service:
        with hunted(lambda: victims(service)) as killed:
            for optimizer in FORMATS:
                sent(service, tally, optimizer.sample(), optimizer.spec.name, *allowed)
            sent(service, tally, noise(300), "noise", *allowed)
        tally.note("victims", "" if killed else "nothing was killed")
        sent(service, tally, still("PNG"), "afterwards", 200)
        tally.note("aftermath", *service.aftermath())
    return tally


@contextmanager
def hunted(victims: Callable[[], list[int]]) -> Iterator[list[int]]:
    """Kill whatever `victims` finds, by its id, while the block runs; those killed."""
    killed: list[int] = []
    over = threading.Event()

    def hunt() -> None:
        while not over.wait(0.02):
            for pid in victims():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        yield killed
    finally:
        over.set()
        hunter.join()


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


def server_process_killed(folder: Path) -> Tally:
    """Of two server processes one dies: the other answers meanwhile, and there are two again."""
    tally = Tally("a server process killed")
    with besieged(folder, WORKERS="2") as service:
        both = set(_servers(service))
        os.kill(min(both), signal.SIGKILL)
        for _ in range(10):
            sent(service, tally, still("PNG"), "one is left", 200)
        tally.note("two again", "" if set(_servers(service)) - both else "nobody took its place")
        tally.note("aftermath", *service.aftermath())
    return tally


def _servers(service: Besieged) -> list[int]:
    deadline = time.monotonic() + BREAKER_SECONDS
    while len(found := service.server_pids()) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def sigterm_in_flight(folder: Path, workers: int = 1) -> Tally:
    """SIGTERM with every slot at work and more waiting: all are answered, and it exits with 0."""
    tally = Tally(f"SIGTERM in flight, {workers} server process{'es' * (workers > 1)}")
    settings = {"WORKERS": str(workers), "COMPRESSION_SEMAPHORE_SIZE": "2", "MAX_QUEUE_DEPTH": str(IN_FLIGHT)}
    data = noise(200)
    with besieged(folder, **settings) as service, ThreadPoolExecutor(IN_FLIGHT) as threads:
        running = [threads.submit(sent, service, tally, data, "in flight", 200) for _ in range(IN_FLIGHT)]
        _all_arrived(service, running)
        service.stop()
        for job in running:
            if error := job.exception():
                tally.note("in flight", f"lost: {error!r}")
        tally.figures["seconds from SIGTERM to exit"] = service.stop_seconds
        tally.note("aftermath", *service.aftermath())
    return tally


def _all_arrived(service: Besieged, running: Sequence[Future[httpx.Response]]) -> None:
    """Wait until tools work and every request has had time to be read."""
    while not service.tools() and not any(job.done() for job in running):
        time.sleep(0.02)
    time.sleep(0.5)


def two_processes_sigterm(folder: Path) -> Tally:
    """The same over two server processes."""
    return sigterm_in_flight(folder, workers=2)


def thousand_at_once(folder: Path) -> Tally:
    """More requests in one instant than slots, and than a shell lets open files: each one is answered."""
    with besieged(folder, prefix=["prlimit", "--nofile=1024:"]) as service:
        tally = rush(service)
        sent(service, tally, still("PNG"), "afterwards", 200)
        tally.note("aftermath", *service.aftermath())
    return tally


def rush(service: Besieged) -> Tally:
    """AT_ONCE pictures, every other of 200 kB, in one instant; figures are the statuses, `lost` among them."""
    tally = Tally(f"{AT_ONCE} at once")
    chance = random.Random(1)  # noqa: S311
    samples, large = [optimizer.sample() for optimizer in FORMATS], noise(260)
    requests = [post(large if number % 2 else chance.choice(samples)) for number in range(AT_ONCE)]
    for answer in asyncio.run(all_at_once(service.address, requests)):
        tally.note("at once", "lost" if answer is None else fault_of(answer))
        status = "lost" if answer is None else str(answer.status_code)
        tally.figures[status] = tally.figures.get(status, 0) + 1
    return tally


FAULTS: tuple[Callable[[Path], Tally], ...] = (
    disk_full,
    tools_killed,
    workers_killed,
    redis_fails,
    redis_talks_nonsense,
    server_process_killed,
    sigterm_in_flight,
    two_processes_sigterm,
)
"""Each with a service of its own."""
