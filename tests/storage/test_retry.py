"""Trying again: how long it waits, what it does not touch, when it stops."""

import asyncio

import pytest

from exceptions import StorageError, StorageTimeout, StorageUnavailable
from storage.retry import RetryPolicy, retried

HASTY = RetryPolicy(total=0.4, first_delay=0.001)


def test_waits_double_up_to_a_bound_and_vary() -> None:
    policy = RetryPolicy(first_delay=0.1, longest_delay=0.3)
    for tried, bound in ((1, 0.1), (2, 0.2), (3, 0.3), (9, 0.3)):
        waits = {policy.delay(tried) for _ in range(200)}
        assert 0 <= min(waits) < bound / 2 < max(waits) <= bound
        assert len(waits) > 100


async def test_each_try_has_its_number_and_the_last_error_is_told() -> None:
    numbers: list[int] = []

    async def never(number: int) -> None:
        numbers.append(number)
        raise StorageUnavailable(f"try {number}")

    with pytest.raises(StorageUnavailable, match="try 4"):
        await retried(never, HASTY)
    assert numbers == [1, 2, 3, 4]


async def test_an_answer_ends_it() -> None:
    async def second(number: int) -> int:
        if number == 1:
            raise StorageTimeout("slow")
        return number

    assert await retried(second, HASTY) == 2


@pytest.mark.parametrize("error", [StorageError("refused"), ValueError("a bug")])
async def test_other_errors_pass_at_once(error: Exception) -> None:
    numbers: list[int] = []

    async def refused(number: int) -> None:
        numbers.append(number)
        raise error

    with pytest.raises(type(error)):
        await retried(refused, HASTY)
    assert numbers == [1]


async def test_a_hanging_try_leaves_time_for_another() -> None:
    async def hangs_once(number: int) -> int:
        if number == 1:
            await asyncio.sleep(30)
        return number

    assert await retried(hangs_once, HASTY) == 2


async def test_all_tries_together_have_a_limit() -> None:
    async def hangs(number: int) -> None:
        await asyncio.sleep(30)

    with pytest.raises(StorageTimeout, match="seconds"):
        await retried(hangs, HASTY)


async def test_a_caller_who_gives_up_is_obeyed() -> None:
    started = asyncio.Event()

    async def hangs(number: int) -> None:
        started.set()
        await asyncio.sleep(30)

    task = asyncio.create_task(retried(hangs, RetryPolicy()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
