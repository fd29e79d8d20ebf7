"""One bounded number of jobs for a whole container, however many processes serve it, and bounded memory before them.

Places and slots are advisory locks on numbered files: the kernel gives them back when a process dies.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from exceptions import Busy
from utils.metrics import JOBS_IN_PROGRESS, QUEUE_DEPTH

POLL_SECONDS = 0.01
RETRY_AFTER_SECONDS = 2
CONNECTION_BYTES = 64 << 10
"""What the server may hold of a body before anybody asks for it."""

Charge = Callable[[int], None]
"""Pays for so many bytes more. Raises Busy."""


def unpaid(count: int) -> None:
    """Charges nothing, for bytes that somebody else bounds."""


class FileLocks:
    """`count` exclusive locks under one name, shared by every process that uses the folder."""

    def __init__(self, folder: Path, name: str, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._paths = [folder / f"{name}-{index}.lock" for index in range(count)]
        for path in self._paths:
            path.touch(0o600)  # all of them now: later the disk may be full

    def try_acquire(self) -> int | None:
        """A held file descriptor, or None when all are taken; closing it releases the lock. Raises Busy."""
        for path in self._paths:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise Busy(f"no lock can be opened: {error.strerror}", retry_after=RETRY_AFTER_SECONDS) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                os.close(descriptor)
        return None


class ByteBudget:
    """Bytes that this process may hold of what is still arriving: who sends slowly takes up what he has sent."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    @contextmanager
    def account(self) -> Iterator[Charge]:
        """What one request pays from, until it is over. Raises Busy, as the account does."""
        paid = 0

        def charge(count: int) -> None:
            nonlocal paid
            if self.held + count > self.limit:
                raise Busy("too much is arriving at once", retry_after=RETRY_AFTER_SECONDS)
            self.held += count
            paid += count

        try:
            charge(CONNECTION_BYTES)
            yield charge
        finally:
            self.held -= paid


class Slots:
    """`size` jobs at work, `queue` more waiting, the rest refused at once."""

    def __init__(self, folder: Path, size: int, queue: int) -> None:
        self.size = size
        self._places = FileLocks(folder, "place", size + queue)
        self._slots = FileLocks(folder, "slot", size)
        self._turn = asyncio.Lock()
        self._patient = asyncio.Lock()

    def expect_place(self) -> None:
        """Raises Busy where there is no place just now; one that there is may be gone later."""
        os.close(self._take_place())

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one place in the container, at work or in the queue. Raises Busy when there is none."""
        descriptor = self._take_place()
        try:
            yield
        finally:
            os.close(descriptor)

    @asynccontextmanager
    async def place_within(self, seconds: float) -> AsyncIterator[None]:
        """Wait for a place, first come first served within this process: for callers who hold nothing meanwhile.

        Raises Busy when none came free in time.
        """
        patience = time.monotonic() + seconds
        async with self._patient:
            while (descriptor := self._places.try_acquire()) is None:
                if time.monotonic() > patience:
                    raise self._busy()
                await asyncio.sleep(POLL_SECONDS)
        try:
            yield
        finally:
            os.close(descriptor)

    def _take_place(self) -> int:
        descriptor = self._places.try_acquire()
        if descriptor is None:
            raise self._busy()
        return descriptor

    def _busy(self) -> Busy:
        return Busy("every slot and every place in the queue is taken", retry_after=RETRY_AFTER_SECONDS)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait, first come first served within this process, for one of the slots."""
        with QUEUE_DEPTH.track_inprogress():
            async with self._turn:
                while (descriptor := self._slots.try_acquire()) is None:  # noqa: ASYNC110 - another process may hold it
                    await asyncio.sleep(POLL_SECONDS)
        try:
            with JOBS_IN_PROGRESS.track_inprogress():
                yield
        finally:
            os.close(descriptor)
