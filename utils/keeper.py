"""Bytes that wait to be fetched, for a while and within a bound."""

import time
from collections import OrderedDict
from typing import NamedTuple, Protocol


class Keeper(Protocol):
    """Where bytes wait. Never fails: what it has lost is not there."""

    async def get(self, key: str) -> bytes | None:
        """What was put there, while it is kept."""
        ...

    async def put(self, key: str, value: bytes) -> bool:
        """Keep it; whether that worked."""
        ...


class _Entry(NamedTuple):
    value: bytes
    expires: float


class MemoryKeeper:
    """In this process, `limit` bytes in all, each for `seconds` at most: the oldest go first."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._held = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        """What was put there, while it is kept."""
        self._drop_expired()
        entry = self._entries.get(key)
        return entry.value if entry else None

    async def put(self, key: str, value: bytes) -> bool:
        """Keep it; whether that worked."""
        self._drop_expired()
        if len(value) > self._limit:
            return False
        while self._held + len(value) > self._limit:
            self._drop_oldest()
        self._entries[key] = _Entry(value, time.monotonic() + self._seconds)
        self._held += len(value)
        return True

    def _drop_expired(self) -> None:
        while self._entries and next(iter(self._entries.values())).expires <= time.monotonic():
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._held -= len(self._entries.popitem(last=False)[1].value)
