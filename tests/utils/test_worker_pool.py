"""A worker's crash, hang or greed costs one call."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from exceptions import Busy, ImageLimitExceeded, ToolCrashed, ToolKilled, ToolTimeout, status_of
from utils.sandbox import Confinement
from utils.subprocess_runner import Launcher
from utils.worker import LENGTH
from utils.worker_pool import CALLS_PER_WORKER, ROOT, WorkerPool


def double(data: bytes) -> bytes:
    return data * 2


def own_pid() -> int:
    return os.getpid()


def crash() -> None:
    os.kill(os.getpid(), 11)


def killed_once(mark: str) -> str:
    """What a worker looks like that the kernel chose when memory ran out."""
    if not os.path.exists(mark):
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def allocate() -> int:
    return len(bytearray(4 << 30))


def refuse() -> None:
    raise ImageLimitExceeded("too deep", limit=1, actual=2)


def chatter() -> str:
    print("noise on standard output")
    return "said"


def lie() -> None:
    for descriptor in range(3, 10):
        with suppress(OSError):
            os.write(descriptor, LENGTH.pack(1) + b"\xc1")


def environment() -> list[str]:
    return sorted(os.environ)


async def call(pool: WorkerPool, function, *args, timeout: float = 20):
    return await pool.call(function, args, {}, timeout=timeout)


async def test_large_values_travel(workers: WorkerPool) -> None:
    data = os.urandom(8 << 20)
    assert await call(workers, double, data) == data * 2


async def test_a_worker_is_kept(workers: WorkerPool) -> None:
    assert await call(workers, own_pid) == await call(workers, own_pid)


async def test_a_worker_killed_while_it_waits_costs_nothing(workers: WorkerPool) -> None:
    os.kill(await call(workers, own_pid), 9)
    await asyncio.sleep(0.2)
    assert await call(workers, double, b"a") == b"aa"


async def test_a_crash_costs_one_call(workers: WorkerPool) -> None:
    with pytest.raises(ToolCrashed):
        await call(workers, crash)
    assert await call(workers, double, b"a") == b"aa"


async def test_a_call_whose_worker_the_system_killed_is_made_again(tmp_path: Path) -> None:
    free = WorkerPool(1, {}, launcher=Launcher(lambda: Confinement(0, False)))  # it leaves a mark for its successor
    assert await call(free, killed_once, str(tmp_path / "mark")) == "done"
    await free.close()


async def test_a_call_that_was_killed_twice_is_no_fault_of_the_picture(workers: WorkerPool) -> None:
    with pytest.raises(ToolKilled) as caught:
        await call(workers, killed)
    assert status_of(caught.value).status == 503
    assert await call(workers, double, b"a") == b"aa"


ORPHAN = """
import asyncio, sys, time
from utils.worker import resolve
from utils.worker_pool import WorkerPool
async def main():
    pool = WorkerPool(1, {})
    print(await pool.call(resolve("os:getpid"), (), {}, timeout=20), flush=True)
    await pool.call(resolve(sys.argv[1]), (600,), {}, timeout=600)
asyncio.run(main())
"""


@pytest.mark.parametrize("work", ["time:sleep", "tests.utils.test_worker_pool:spin"])
async def test_a_worker_in_the_midst_of_work_dies_with_the_service(work: str) -> None:
    service = subprocess.Popen([sys.executable, "-c", ORPHAN, work], cwd=ROOT, stdout=subprocess.PIPE)
    assert service.stdout
    pid = int(service.stdout.readline())
    await asyncio.sleep(0.3)
    service.kill()
    service.communicate()
    async with asyncio.timeout(5):
        while is_running(pid):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.02)


def spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def is_running(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def test_a_hang_costs_one_call(workers: WorkerPool) -> None:
    with pytest.raises(ToolTimeout):
        await call(workers, time.sleep, 600, timeout=1)
    assert await call(workers, double, b"a") == b"aa"


async def test_greed_costs_one_call(workers: WorkerPool) -> None:
    with pytest.raises(ToolCrashed, match="MemoryError"):
        await call(workers, allocate)
    assert await call(workers, double, b"a") == b"aa"


async def test_nonsense_costs_one_call(workers: WorkerPool) -> None:
    with pytest.raises(ToolCrashed, match="nonsense"):
        await call(workers, lie)
    assert await call(workers, double, b"a") == b"aa"


async def test_a_worker_that_died_between_calls_costs_none(workers: WorkerPool) -> None:
    os.kill(await call(workers, own_pid), 9)
    await asyncio.sleep(0.3)
    assert await call(workers, double, b"a") == b"aa"


async def test_a_worker_that_cannot_start_is_no_fault_of_the_picture(
    workers: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_argv", ("/no/such/python",))
    with pytest.raises(Busy):
        await call(workers, own_pid)


async def test_a_refusal_keeps_its_words(workers: WorkerPool) -> None:
    with pytest.raises(ImageLimitExceeded) as caught:
        await call(workers, refuse)
    assert (caught.value.detail, caught.value.extensions) == ("too deep", {"limit": 1, "actual": 2})


async def test_what_a_library_prints_is_no_answer(workers: WorkerPool) -> None:
    assert await call(workers, chatter) == "said"


async def test_workers_are_recycled(workers: WorkerPool) -> None:
    pids = [await call(workers, own_pid) for _ in range(CALLS_PER_WORKER + 1)]
    assert len(set(pids)) == 2


async def test_cancelling_ends_the_worker(workers: WorkerPool) -> None:
    first = await call(workers, own_pid)
    task = asyncio.create_task(call(workers, time.sleep, 600))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await call(workers, own_pid) != first


async def test_no_secret_reaches_a_worker(workers: WorkerPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    assert "API_KEY" not in await call(workers, environment)


async def test_the_last_worker_is_gone_after_close(workers: WorkerPool) -> None:
    pid = await call(workers, own_pid)
    await workers.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
