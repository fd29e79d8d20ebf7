"""Clients that vanish, crawl or flood cost nobody else anything."""

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.conftest import start_service
from tests.helpers import encode, photo


def hard_picture() -> bytes:
    """Noise that keeps the PNG tools busy for seconds."""
    rng = np.random.default_rng(7)
    return encode(Image.fromarray(rng.integers(0, 255, (1000, 1000, 3), dtype="uint8"), "RGB"), "PNG", compress_level=1)


@pytest.fixture(scope="module")
def slow_job() -> bytes:
    return hard_picture()


def request_bytes(data: bytes) -> bytes:
    head = f"POST /optimize?effort=best HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def children(pid: int) -> dict[str, int]:
    """Names and process ids of the programs below a process."""
    names = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:
            continue
        name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
        if int(rest[1]) == pid:
            names[name] = int(stat.parent.name)
    return names


def wait_for(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_a_client_that_vanishes_frees_its_slot_and_its_tool(tmp_path: Path, slow_job: bytes) -> None:
    process, address = start_service(tmp_path, COMPRESSION_SEMAPHORE_SIZE="1", MAX_QUEUE_DEPTH="0")
    try:
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as client:
            client.sendall(request_bytes(slow_job))
            wait_for(lambda: "pngquant" in children(process.pid))
        wait_for(lambda: "pngquant" not in children(process.pid), 5)
        answer = httpx.post(f"{address}/optimize", content=encode(photo(), "JPEG"), timeout=30, trust_env=False)
        assert answer.status_code == 200
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0


def test_more_than_the_queue_holds_is_refused_at_once(tmp_path: Path, slow_job: bytes) -> None:
    process, address = start_service(tmp_path, COMPRESSION_SEMAPHORE_SIZE="1", MAX_QUEUE_DEPTH="1")
    try:
        with ThreadPoolExecutor(6) as pool:
            post = lambda _: httpx.post(f"{address}/optimize", content=slow_job, timeout=120, trust_env=False)  # noqa: E731
            answers = list(pool.map(post, range(6)))
        refused = [a for a in answers if a.status_code == 503]
        assert {a.status_code for a in answers} == {200, 503}
        assert len(refused) >= 3
        assert all(int(a.headers["retry-after"]) > 0 and a.json()["code"] == "busy" for a in refused)
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0


def test_sigterm_finishes_what_runs_and_exits_with_0(tmp_path: Path, slow_job: bytes) -> None:
    process, address = start_service(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(httpx.post, f"{address}/optimize", content=slow_job, timeout=120, trust_env=False)
        wait_for(lambda: "pngquant" in children(process.pid))
        started = children(process.pid)
        process.send_signal(signal.SIGTERM)
        assert running.result().status_code == 200
        assert running.result().headers["connection"] == "close"
    assert process.wait(timeout=40) == 0
    assert len(started) > 1, "the tool, and a worker"
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started.values()), 5)


def test_bodies_that_trickle_hold_no_place(tmp_path: Path) -> None:
    process, address = start_service(tmp_path, COMPRESSION_SEMAPHORE_SIZE="1", MAX_QUEUE_DEPTH="0")
    try:
        with ExitStack() as stack:
            port = int(address.rpartition(":")[2])
            tricklers = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(30)]
            for trickler in tricklers:
                trickler.sendall(b"POST /optimize HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\nabc")
            time.sleep(0.5)
            for _ in range(5):
                answer = httpx.post(f"{address}/optimize", content=encode(photo(), "JPEG"), timeout=30, trust_env=False)
                assert answer.status_code == 200
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0


def test_a_body_that_crawls_is_refused(tmp_path: Path) -> None:
    process, address = start_service(tmp_path, UPLOAD_TIMEOUT_SECONDS="1")
    try:
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=20) as client:
            client.sendall(b"POST /optimize HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
            answer = client.makefile("rb").readline()
        assert answer.startswith(b"HTTP/1.1 408")
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0
