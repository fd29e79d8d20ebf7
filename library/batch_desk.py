"""Batches as their owners handle them: entered, paused, resumed, cancelled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from exceptions import Missing, WrongState
from library.batch_work import LANES
from library.broker import BATCH, Queue
from library.database import Database
from library.repository import batches
from library.repository.tenants import Owner, tenant_of
from library.tables import USER, Batch, new_id


@dataclass(frozen=True, slots=True)
class Order:
    """What a user wants done to many images; `sources` are URLs, or keys below `prefix`."""

    user: str
    bucket: str
    sources: Sequence[str]
    prefix: str | None
    options: Mapping[str, Any]
    estimate: Mapping[str, Any]
    callback_url: str | None


class BatchDesk:
    """Enters batches, and changes their course."""

    def __init__(self, database: Database, queue: Queue) -> None:
        self._database = database
        self._queue = queue

    async def enter(self, order: Order) -> Batch:
        """Write the batch down and let it begin. Raises Unavailable."""
        origin = {"urls": len(order.sources)} if order.prefix is None else {"prefix": order.prefix}
        async with self._database.writing() as session:
            tenant = await tenant_of(session, Owner(USER, order.user, order.bucket))
            batch = Batch(
                batch_id=new_id(),
                tenant_id=tenant.id,
                source=origin,
                options=dict(order.options),
                estimate=dict(order.estimate),
                total=len(order.sources),
                callback_url=order.callback_url,
            )
            session.add(batch)
            await session.flush()
            for first in range(0, len(order.sources), batches.PIECE):
                piece = order.sources[first : first + batches.PIECE]
                await batches.add_items(session, batch.batch_id, first, piece)
            await batches.start(session, batch)
        await self._begin(batch)
        return batch

    async def pause(self, user: str, batch_id: str) -> Batch:
        """What has begun ends, nothing else begins. Raises Missing, WrongState."""
        async with self._database.writing() as session:
            batch = await self._own(session, user, batch_id)
            _expect(batch, batches.RUNNING, batches.PAUSED)
            batch.status = batches.PAUSED
        return batch

    async def resume(self, user: str, batch_id: str) -> Batch:
        """Let it go on. Raises Missing, WrongState."""
        async with self._database.writing() as session:
            batch = await self._own(session, user, batch_id)
            _expect(batch, batches.RUNNING, batches.PAUSED)
            await batches.start(session, batch)
        await self._begin(batch)
        return batch

    async def cancel(self, user: str, batch_id: str) -> Batch:
        """End it; what is done stays. Raises Missing, WrongState."""
        async with self._database.writing() as session:
            batch = await self._own(session, user, batch_id)
            if batch.status != batches.CANCELLED:
                _expect(batch, batches.RUNNING, batches.PAUSED)
                await batches.cancel(session, batch)
        return batch

    @staticmethod
    async def _own(session: AsyncSession, user: str, batch_id: str) -> Batch:
        batch = await batches.batch_of(session, user, batch_id, lock=True)
        if batch is None:
            raise Missing("there is no such batch")
        return batch

    async def _begin(self, batch: Batch) -> None:
        await self._queue.send(BATCH, *[batch.batch_id] * min(LANES, batch.total))


def _expect(batch: Batch, *states: str) -> None:
    if batch.status not in states:
        raise WrongState(f"the batch is {batch.status}")
