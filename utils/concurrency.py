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
from utils.metrics import JOBS_IN_PROGRESS, QUEUE_DEPTH

POLL_SECONDS = 0.01
RETRY_AFTER_SECONDS = 2


class FileLocks:
    """`count` exclusive locks under one name, shared by every process that uses the folder."""

    def __init__(self, folder: Path, name: str, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._paths = [folder / f"{name}-{index}.lock" for index in range(count)]

    def try_acquire(self) -> int | None:
        """A held file descriptor, or None when all are taken; closing it releases the lock."""
        for path in self._paths:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
        with QUEUE_DEPTH.track_inprogress():
            async with self._turn:
                while (descriptor := self._slots.try_acquire()) is None:  # noqa: ASYNC110 - another process may hold it
                    await asyncio.sleep(POLL_SECONDS)
        try:
            with JOBS_IN_PROGRESS.track_inprogress():
                yield
        finally:
            os.close(descriptor)
