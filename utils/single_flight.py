"""One computation for everybody who asks for the same at the same time, within this process."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class _Flight(Generic[T]):
    task: asyncio.Task[T]
    passengers: int = 0


class SingleFlight(Generic[T]):
    """Computations under way, by key; one that nobody waits for any more is ended."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[T]] = {}

    async def do(self, key: str, work: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """The result of the work, and whether somebody else had begun it. Raises what the work raises."""
        joined = key in self._flights
        if not joined:
            self._flights[key] = _Flight(asyncio.ensure_future(work()))
        flight = self._flights[key]
        flight.passengers += 1
        try:
            return await asyncio.shield(flight.task), joined
        finally:
            flight.passengers -= 1
            if not flight.passengers:
                if self._flights.get(key) is flight:
                    del self._flights[key]
                flight.task.cancel()
                # Whoever leaves last sees the end of it: what it held is free then.
                await asyncio.gather(flight.task, return_exceptions=True)
