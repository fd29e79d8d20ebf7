"""One image of a batch after another: fetched, made smaller, stored, with a receipt.

A batch has a few messages in the queue at any time, each of which leads to one image and then to the next message: ten
thousand images take no more of the queue than four, and uploads that come in between do not wait for them all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from library.broker import BATCH, Queue
from library.holding import holding, passes, told
from library.library import Library
from library.messages import payload
from library.objects import Place
from library.repository import batches, webhooks
from library.repository.batches import ItemClaim
from library.repository.leases import LeaseLost
from library.tables import now
from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.outcome import Outcome
from optimizers.policy import Policy
from storage.keys import plain_name
from utils.url_fetch import Fetcher

LANES = 4
"""Messages that a batch has in the queue, and so the most of its images that are worked on at once."""
log = structlog.get_logger("pare.batches")
ToPolicy = Callable[[Mapping[str, Any]], Policy]
"""A batch's options in the engine's words."""


class BatchWork:
    """Works on batches; `seconds` is the longest that one image may take."""

    def __init__(
        self,
        library: Library,
        engine: Engine,
        fetcher: Fetcher,
        queue: Queue,
        to_policy: ToPolicy,
        max_retries: int,
        seconds: float,
    ) -> None:
        self._library = library
        self._engine = engine
        self._fetcher = fetcher
        self._queue = queue
        self._to_policy = to_policy
        self._max_retries = max_retries
        self._seconds = seconds

    async def next_of(self, batch_id: str) -> None:
        """Work on the next image of a batch, where it runs and one is due."""
        async with self._library.database.writing() as session:
            held = await batches.claim_item(session, batch_id)
            if held is None:
                return await batches.rest(session, batch_id)
        try:
            async with holding(partial(self._write, batches.renew_item, held), self._seconds):
                receipt = await self._made(held)
            await self._write(_finished, held, receipt)
        except LeaseLost:
            log.warning("an image of a batch was another's when it was done", batch=batch_id)
        except asyncio.CancelledError:
            await self._write(batches.release_item, held)
            raise
        except Exception as error:
            await self._failed(held, error)
        await self._queue.send(BATCH, batch_id)

    async def _made(self, held: ItemClaim) -> dict[str, Any]:
        source = await self._source(held)
        outcome = await self._engine.run(source, self._to_policy(held.batch.options))
        name = f"{held.position:05}-{plain_name(source.filename)}.{outcome.made.extensions[0]}"
        place = Place(held.batch.tenant.bucket, f"batches/{held.batch.batch_id}/{name}")
        await self._library.objects.put(place, outcome.data, outcome.made.mime)
        return {**facts(outcome), "bucket": place.bucket, "path": place.key}

    async def _source(self, held: ItemClaim) -> Source:
        if "prefix" not in held.batch.source:
            fetched = await self._fetcher.fetch(held.source)
            return Source(fetched.data, fetched.filename)
        place = Place(held.batch.tenant.bucket, held.source)
        data = await self._library.objects.get(place, self._fetcher.most_bytes)
        return Source(data, PurePosixPath(held.source).name)

    async def _failed(self, held: ItemClaim, error: Exception) -> None:
        again = passes(error) and held.attempt <= self._max_retries
        if told(error) == "internal error":
            log.error("an image of a batch failed", batch=held.batch.batch_id, exc_info=error)
        try:
            if again:
                await self._write(batches.postpone_item, held, told(error))
            else:
                await self._write(_finished, held, {}, told(error))
        except LeaseLost:
            log.warning("an image of a batch was another's when it failed", batch=held.batch.batch_id)

    async def _write(self, step: Callable[..., Awaitable[None]], held: ItemClaim, *args: Any) -> None:
        async with self._library.database.writing() as session:
            await step(session, held, *args)


async def _finished(
    session: AsyncSession, held: ItemClaim, receipt: Mapping[str, Any], error: str | None = None
) -> None:
    batch = await batches.finish_item(session, held, receipt, error)
    if batch is not None and batch.callback_url:
        counts = await batches.progress(session, batch.batch_id)
        data = {"batch_id": batch.batch_id, "status": batch.status, "items": counts}
        message = payload("batch.completed", now().isoformat(), data)
        webhooks.announce(session, batch.batch_id, batch.callback_url, message)


def facts(outcome: Outcome) -> dict[str, Any]:
    """What a receipt says of one image, in the words of POST /optimize."""
    width, height = outcome.before.displayed_size
    return {
        "original_size": len(outcome.source.data),
        "optimized_size": len(outcome.data),
        "reduction_percent": outcome.reduction_percent,
        "original_format": outcome.spec.name,
        "optimized_format": outcome.made.name,
        "method": outcome.method,
        "reason": str(outcome.reason),
        "quality_used": outcome.quality,
        "score": outcome.score,
        "width": width,
        "height": height,
    }
