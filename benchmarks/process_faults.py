"""Server processes that die or are asked to end, and more requests at once than they can serve."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks.besieged import Besieged, besieged
from benchmarks.faults import noise, sent
from benchmarks.judge import Tally, fault_of
from benchmarks.wire import all_at_once, post
from optimizers.router import FORMATS
from optimizers.samples import still

AT_ONCE = 1000
IN_FLIGHT = 6
RESTART_SECONDS = 20.0


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
    deadline = time.monotonic() + RESTART_SECONDS
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
