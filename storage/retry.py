"""Another try for what may pass by itself: exponential backoff with full jitter, a limit for each try and for all."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from exceptions import StorageTimeout, StorageUnavailable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and for how long; times in seconds."""

    total: float = 30.0
    tries: int = 4
    first_delay: float = 0.1
    longest_delay: float = 2.0

    @property
    def one_try(self) -> float:
        """The longest that one try may take: a store that hangs once leaves time for a second."""
        return self.total / 2

    def delay(self, tried: int) -> float:
        """The wait after so many tries: anything up to a bound that doubles."""
        return random.uniform(0, min(self.longest_delay, self.first_delay * 2 ** (tried - 1)))  # noqa: S311


async def retried(operation: Callable[[int], Awaitable[T]], policy: RetryPolicy) -> T:
    """The operation's answer; it is handed the number of the try, from 1. Raises the last try's error."""
    try:
        async with asyncio.timeout(policy.total) as deadline:
            return await _tries(operation, policy)
    except TimeoutError:
        if not deadline.expired():
            raise
        raise StorageTimeout(f"the store did not answer within {policy.total:g} seconds") from None


async def _tries(operation: Callable[[int], Awaitable[T]], policy: RetryPolicy) -> T:
    for tried in range(1, policy.tries):
        try:
            return await _one_try(operation, tried, policy)
        except (StorageUnavailable, StorageTimeout):
            await asyncio.sleep(policy.delay(tried))
    return await _one_try(operation, policy.tries, policy)


async def _one_try(operation: Callable[[int], Awaitable[T]], number: int, policy: RetryPolicy) -> T:
    try:
        async with asyncio.timeout(policy.one_try):
            return await operation(number)
    except TimeoutError as error:
        raise StorageTimeout(f"the store did not answer within {policy.one_try:g} seconds") from error
