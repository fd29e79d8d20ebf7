"""Batches: many images under one set of options, claimed one by one, with a receipt for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from library.repository.leases import (
    COMPLETED,
    FAILED,
    LEASE,
    PENDING,
    PROCESSING,
    RESEND,
    RETRYING,
    UNFINISHED,
    LeaseLost,
    pause,
)
from library.tables import USER, Batch, BatchItem, Tenant, now

RUNNING, PAUSED, CANCELLED = "running", "paused", "cancelled"
PIECE = 500
"""Items that are written or read at once: a batch's memory does not grow with its length."""


@dataclass(frozen=True, slots=True)
class ItemClaim:
    """One image of a batch that is this worker's for now; `attempt` counts from 1 and is the claim's word."""

    item_id: int
    batch: Batch
    position: int
    source: str
    attempt: int


async def add_items(session: AsyncSession, batch_id: str, first: int, sources: Sequence[str]) -> None:
    """Some more images of a batch, from that position on."""
    moment = now()
    rows = [
        {"batch_id": batch_id, "position": first + index, "source": source, "claimed_until": moment}
        for index, source in enumerate(sources)
    ]
    await session.execute(insert(BatchItem), rows)


async def batch_of(session: AsyncSession, user: str, batch_id: str, *, lock: bool = False) -> Batch | None:
    """The user's batch."""
    query = (
        select(Batch).join(Batch.tenant).where(Batch.batch_id == batch_id, Tenant.realm == USER, Tenant.name == user)
    )
    return await session.scalar(query.with_for_update(of=Batch) if lock else query)


async def progress(session: AsyncSession, batch_id: str) -> dict[str, int]:
    """How many items there are in each state."""
    query = select(BatchItem.status, func.count()).filter_by(batch_id=batch_id).group_by(BatchItem.status)
    return dict((await session.execute(query)).all())


async def receipts(session: AsyncSession, batch_id: str, after: int) -> Sequence[BatchItem]:
    """The next piece of a batch's items, in their order; `after` is the last position that was seen, or -1."""
    query = select(BatchItem).where(BatchItem.batch_id == batch_id, BatchItem.position > after)
    return (await session.scalars(query.order_by(BatchItem.position).limit(PIECE))).all()


async def claim_item(session: AsyncSession, batch_id: str) -> ItemClaim | None:
    """The next image to work on; None where the batch does not run or nothing is due."""
    batch = await session.get(Batch, batch_id)
    if batch is None or batch.status != RUNNING:
        return None
    moment = now()
    query = (
        select(BatchItem)
        .where(BatchItem.batch_id == batch_id, BatchItem.status.in_(UNFINISHED), BatchItem.claimed_until <= moment)
        .order_by(BatchItem.position)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    item = await session.scalar(query)
    if item is None:
        return None
    item.status, item.claimed_until, item.attempt_count = PROCESSING, moment + LEASE, item.attempt_count + 1
    batch.started_at = batch.started_at or moment
    batch.due_at = moment + RESEND
    return ItemClaim(item.id, batch, item.position, item.source, item.attempt_count)


async def renew_item(session: AsyncSession, held: ItemClaim) -> None:
    """Say that the work goes on. Raises LeaseLost."""
    moment = now()
    await _change(session, held, claimed_until=moment + LEASE)
    await session.execute(update(Batch).filter_by(batch_id=held.batch.batch_id).values(due_at=moment + RESEND))


async def release_item(session: AsyncSession, held: ItemClaim) -> None:
    """Give it back untried. Raises LeaseLost."""
    await _change(session, held, status=PENDING, claimed_until=now(), attempt_count=held.attempt - 1)
    await session.execute(update(Batch).filter_by(batch_id=held.batch.batch_id).values(due_at=now()))


async def postpone_item(session: AsyncSession, held: ItemClaim, error: str) -> None:
    """Have it tried again after a while. Raises LeaseLost."""
    until = now() + pause(held.attempt)
    await _change(session, held, status=RETRYING, claimed_until=until, last_error=error)


async def finish_item(
    session: AsyncSession, held: ItemClaim, receipt: Mapping[str, Any], error: str | None = None
) -> Batch | None:
    """Write its end; the batch where it was the last one. Raises LeaseLost."""
    status = COMPLETED if error is None else FAILED
    await _change(session, held, status=status, receipt=dict(receipt), last_error=error, completed_at=now())
    return await _close(session, held.batch.batch_id)


async def start(session: AsyncSession, batch: Batch) -> None:
    """Let it run, or run on."""
    batch.status, batch.due_at = RUNNING, now() + RESEND


async def cancel(session: AsyncSession, batch: Batch) -> None:
    """End it: what has begun ends by itself, what has not never begins."""
    batch.status, batch.completed_at = CANCELLED, now()
    waiting = update(BatchItem).where(BatchItem.batch_id == batch.batch_id, BatchItem.status.in_((PENDING, RETRYING)))
    await session.execute(waiting.values(status=CANCELLED))


async def overdue(session: AsyncSession) -> Sequence[str]:
    """Running batches whose messages nobody follows; each is due again when one of its images is."""
    moment = now()
    query = select(Batch).where(Batch.status == RUNNING, Batch.due_at <= moment)
    found = (await session.scalars(query.with_for_update(of=Batch, skip_locked=True))).all()
    for batch in found:
        batch.due_at = await _next_due(session, batch.batch_id, moment + RESEND)
    return [batch.batch_id for batch in found]


async def rest(session: AsyncSession, batch_id: str) -> None:
    """Nothing of it is due just now: look again when something is."""
    batch = await session.scalar(_locked(batch_id))
    if batch is not None and batch.status == RUNNING:
        batch.due_at = await _next_due(session, batch_id, now() + RESEND)


async def _next_due(session: AsyncSession, batch_id: str, latest: datetime) -> datetime:
    query = select(func.min(BatchItem.claimed_until)).where(
        BatchItem.batch_id == batch_id, BatchItem.status.in_(UNFINISHED), BatchItem.claimed_until > now()
    )
    first = await session.scalar(query)
    return min(first, latest) if first is not None else latest


async def _close(session: AsyncSession, batch_id: str) -> Batch | None:
    """Complete the batch where none of its images is left; by one caller alone."""
    batch = await session.scalar(_locked(batch_id))
    left = select(BatchItem.id).where(BatchItem.batch_id == batch_id, BatchItem.status.in_(UNFINISHED)).limit(1)
    if batch is None or batch.status not in (RUNNING, PAUSED) or await session.scalar(left) is not None:
        return None
    batch.status, batch.completed_at = COMPLETED, now()
    return batch


def _locked(batch_id: str) -> Select[Batch]:
    query = select(Batch).filter_by(batch_id=batch_id).with_for_update(of=Batch)
    return query.execution_options(populate_existing=True)


async def _change(session: AsyncSession, held: ItemClaim, **values: object) -> None:
    own = (BatchItem.id == held.item_id, BatchItem.status == PROCESSING, BatchItem.attempt_count == held.attempt)
    result = await session.execute(update(BatchItem).where(*own).values(**values))
    assert isinstance(result, CursorResult)
    if not result.rowcount:
        raise LeaseLost
