"""What every worker looks after now and then: rows whose messages were lost, messages to callers, objects to delete."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from exceptions import PareError
from library.broker import BATCH, INGEST, Queue
from library.database import Database
from library.messages import Courier
from library.objects import Objects
from library.repository import batches, jobs, leases

EVERY_SECONDS = 2.0
log = structlog.get_logger("pare.jobs")


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The rounds of one worker; several workers do not get into each other's way."""

    name: str
    database: Database
    queue: Queue
    courier: Courier | None
    objects: Objects
    working: Callable[[], int]
    """How many jobs are in hand."""
    places: int
    """How many there may be."""

    async def run(self) -> None:
        """Go round until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(EVERY_SECONDS)

    async def once(self) -> None:
        """One round; what fails is tried again in the next one."""
        for part in (self._show, self._resend, self._deliver, self._delete):
            await self._tried(part)

    async def end(self) -> None:
        """Say that this worker is gone."""
        async with self.database.writing() as session:
            await jobs.gone(session, self.name)

    async def _tried(self, part: Callable[[], Awaitable[object]]) -> None:
        try:
            await part()
        except PareError as error:
            log.warning("upkeep failed", part=part.__name__.strip("_"), error=error.detail)
        except Exception as error:
            log.error("upkeep failed", part=part.__name__.strip("_"), exc_info=error)

    async def _show(self) -> None:
        async with self.database.writing() as session:
            await jobs.seen(session, self.name, self.working())

    async def _resend(self) -> None:
        # With a place free here the queue is empty: what still waits for its message has lost it. Else the message may
        # just be far behind, and sending all that wait again and again would make the queue longer than the work.
        if self.working() >= self.places:
            return
        async with self.database.writing() as session:
            lost, halted = await leases.overdue(session), await batches.overdue(session)
        await self.queue.send(INGEST, *lost)
        await self.queue.send(BATCH, *halted)

    async def _deliver(self) -> None:
        if self.courier:
            await self.courier.deliver_due()

    async def _delete(self) -> None:
        while await self.objects.sweep_removed():
            pass
