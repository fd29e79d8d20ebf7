"""Slots are one pool for a container, whatever its processes do."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from exceptions import Busy
from utils.concurrency import CONNECTION_BYTES, ByteBudget, Slots
from utils.worker_pool import ROOT

HOLD = """
import pathlib, sys, time
from utils.concurrency import FileLocks
held = FileLocks(pathlib.Path(sys.argv[1]), "slot", 1).try_acquire()
print("held", flush=True)
time.sleep(600)
"""


async def test_places_are_refused_at_once_when_all_are_taken(tmp_path: Path) -> None:
    slots = Slots(tmp_path, size=1, queue=1)
    async with slots.place(), slots.place():
        with pytest.raises(Busy) as caught:
            async with slots.place():
                pass
        assert caught.value.extensions["retry_after"] > 0
    async with slots.place():
        pass


async def test_who_holds_nothing_may_wait_for_a_place(tmp_path: Path) -> None:
    slots, order = Slots(tmp_path, size=1, queue=0), list[int]()

    async def work(number: int) -> None:
        async with slots.place_within(60):
            order.append(number)
            with pytest.raises(Busy):
                slots.expect_place()

    async with slots.place():
        waiting = [asyncio.create_task(work(number)) for number in range(3)]
        await asyncio.sleep(0.05)
        assert not order
        with pytest.raises(Busy):
            async with Slots(tmp_path, size=1, queue=0).place_within(0.03):
                pass
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2]
    slots.expect_place()


async def test_expecting_a_place_takes_none(tmp_path: Path) -> None:
    slots = Slots(tmp_path, size=1, queue=0)
    slots.expect_place()
    async with slots.place():
        with pytest.raises(Busy):
            slots.expect_place()


def test_a_budget_is_shared_and_given_back() -> None:
    budget = ByteBudget(3 * CONNECTION_BYTES)
    with budget.account() as charge, budget.account():
        charge(CONNECTION_BYTES)
        with pytest.raises(Busy) as caught:
            charge(1)
        assert caught.value.extensions["retry_after"] > 0
        with pytest.raises(Busy), budget.account():
            pass
        assert budget.held == budget.limit
    assert budget.held == 0


async def test_never_more_at_work_than_slots(tmp_path: Path) -> None:
    pools = [Slots(tmp_path, size=2, queue=10) for _ in range(2)]
    at_work = most = 0

    async def job(slots: Slots) -> None:
        nonlocal at_work, most
        async with slots.slot():
            at_work += 1
            most = max(most, at_work)
            await asyncio.sleep(0.02)
            at_work -= 1

    await asyncio.gather(*(job(pools[i % 2]) for i in range(10)))
    assert most == 2


async def test_a_dead_process_gives_its_slot_back(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    slots = Slots(tmp_path, size=1, queue=0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), slots.slot():
            pass
    holder.kill()
    holder.communicate()
    async with asyncio.timeout(5), slots.slot():
        assert REGISTRY.get_sample_value("pare_jobs_in_progress") == 1
    assert REGISTRY.get_sample_value("pare_jobs_in_progress") == 0
