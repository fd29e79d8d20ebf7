"""One bounded number of jobs for a whole container, however many processes serve it.

Places and slots are advisory locks on numbered files: the kernel gives them back when a process dies.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from exceptions import Busy

POLL_SECONDS = 0.01
RETRY_AFTER_SECONDS = 2


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


class Slots:
    """`size` jobs at work, `queue` more waiting, the rest refused at once."""

    def __init__(self, folder: Path, size: int, queue: int) -> None:
        self.size = size
        self._places = FileLocks(folder, "place", size + queue)
        self._slots = FileLocks(folder, "slot", size)
        self._turn = asyncio.Lock()
        self.waiting = 0
        self.working = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one place in the container, at work or in the queue. Raises Busy when there is none."""
        descriptor = self._places.try_acquire()
        if descriptor is None:
            raise Busy("every slot and every place in the queue is taken", retry_after=RETRY_AFTER_SECONDS)
        try:
            yield
        finally:
            os.close(descriptor)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait, first come first served within this process, for one of the slots."""
        self.waiting += 1
        try:
            async with self._turn:
                while (descriptor := self._slots.try_acquire()) is None:  # noqa: ASYNC110 - another process may hold it
                    await asyncio.sleep(POLL_SECONDS)
        finally:
            self.waiting -= 1
        self.working += 1
        try:
            yield
        finally:
            self.working -= 1
            os.close(descriptor)
