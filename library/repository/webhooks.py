"""Messages to callers: made with the end of a job, claimed by whoever delivers them, kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from library.tables import WebhookDelivery, now

PENDING, DELIVERED, GIVEN_UP = "pending", "delivered", "given_up"
IN_HAND = timedelta(seconds=60)
"""When a message that somebody took and never reported on is taken again."""
PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400))
"""Between tries, as the Standard Webhooks specification proposes: nearly three days in all."""


def announce(session: AsyncSession, job_id: str, url: str, payload: Mapping[str, Any]) -> None:
    """Have a message sent."""
    session.add(WebhookDelivery(job_id=job_id, url=url, payload=dict(payload)))


async def due(session: AsyncSession) -> WebhookDelivery | None:
    """A message whose time has come, for the caller alone to send; None where there is none."""
    moment = now()
    query = (
        select(WebhookDelivery)
        .where(WebhookDelivery.status == PENDING, WebhookDelivery.next_attempt_at <= moment)
        .order_by(WebhookDelivery.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    found = await session.scalar(query)
    if found is not None:
        found.next_attempt_at = moment + IN_HAND
        found.attempt_count += 1
    return found


async def delivered(session: AsyncSession, sent: WebhookDelivery) -> None:
    """The receiver has it."""
    await _report(session, sent, status=DELIVERED, delivered_at=now(), last_error=None)


async def refused(session: AsyncSession, sent: WebhookDelivery, error: str, *, for_good: bool) -> bool:
    """The receiver does not have it; whether that was the last try."""
    for_good = for_good or sent.attempt_count > len(PAUSES)
    if for_good:
        await _report(session, sent, status=GIVEN_UP, last_error=error)
    else:
        await _report(session, sent, next_attempt_at=now() + PAUSES[sent.attempt_count - 1], last_error=error)
    return for_good


async def _report(session: AsyncSession, sent: WebhookDelivery, **values: object) -> None:
    own = (WebhookDelivery.id == sent.id, WebhookDelivery.attempt_count == sent.attempt_count)
    result = await session.execute(update(WebhookDelivery).where(*own).values(**values))
    assert isinstance(result, CursorResult)
