"""Results in this process's memory, within a number of bytes: what was asked for least recently goes first."""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple


class _Entry(NamedTuple):
    value: bytes
    expires: float


class MemoryResults:
    """Bytes by key, `limit` bytes in all."""

    layer = "memory"

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        """What was put there and is still there."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires <= time.monotonic():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    async def put(self, key: str, value: bytes, seconds: int) -> None:
        """Keep a value so long, unless others push it out."""
        if key in self._entries:
            self._drop(key)
        while self._entries and self._held + len(value) > self._limit:
            self._drop(next(iter(self._entries)))
        self._entries[key] = _Entry(value, time.monotonic() + seconds)
        self._held += len(value)

    async def keys(self, prefix: str) -> list[str]:
        """What begins so and is still there."""
        now = time.monotonic()
        return [key for key, entry in self._entries.items() if key.startswith(prefix) and entry.expires > now]

    async def drop(self, keys: Sequence[str]) -> None:
        """Forget these."""
        for key in keys:
            if key in self._entries:
                self._drop(key)

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Nobody but this process knows of these results: it is always its turn, at once."""
        yield

    def _drop(self, key: str) -> None:
        self._held -= len(self._entries.pop(key).value)
