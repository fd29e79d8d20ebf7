"""One computation for all who wait; none for nobody."""

import asyncio

import pytest

from utils.single_flight import SingleFlight


class Work:
    def __init__(self) -> None:
        self.begun = 0
        self.ended = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        try:
            await self.go_on.wait()
            return self.begun
        finally:
            self.ended.set()


async def boarded(count: int, flights: SingleFlight[int], work: Work) -> list[asyncio.Task[tuple[int, bool]]]:
    tasks = [asyncio.create_task(flights.do("a", work)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_all_get_the_same_and_the_next_anew() -> None:
    flights, work = SingleFlight[int](), Work()
    tasks = await boarded(3, flights, work)
    work.go_on.set()
    assert await asyncio.gather(*tasks) == [(1, False), (1, True), (1, True)]
    assert await flights.do("a", work) == (2, False)


async def test_the_first_may_leave() -> None:
    flights, work = SingleFlight[int](), Work()
    first, second = await boarded(2, flights, work)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    work.go_on.set()
    assert await second == (1, True)


async def test_when_all_have_left_it_ends_before_they_do() -> None:
    flights, work = SingleFlight[int](), Work()
    for task in (tasks := await boarded(2, flights, work)):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert work.ended.is_set()
    work.go_on.set()
    assert await flights.do("a", work) == (2, False)


async def test_an_error_reaches_all_and_is_not_remembered() -> None:
    flights, tries = SingleFlight[int](), []

    async def fail() -> int:
        tries.append(1)
        await asyncio.sleep(0.01)
        raise LookupError("no")

    found = await asyncio.gather(*(flights.do("a", fail) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [LookupError] * 3
    with pytest.raises(LookupError):
        await flights.do("a", fail)
    assert len(tries) == 2
