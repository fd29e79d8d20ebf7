"""What a batch will make of its images, before it begins: some of them are looked at as POST /estimate does."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from estimation.heuristics import LEVEL, Estimate, total_of
from exceptions import PareError
from library.objects import Place
from optimizers.policy import Policy
from optimizers.prediction import HEAD_BYTES, Head
from routers.deps import Services
from routers.library_models import BatchEstimate
from schemas import IntervalAnswer

SAMPLE = 16
"""Images that are looked at, evenly spread over the batch."""
SECONDS = 8.0
"""How long that may take; what has not answered by then is left out."""


@dataclass(frozen=True, slots=True)
class Inquest:
    """How the sources of a batch are looked at: URLs, or keys in a bucket where one is given."""

    parts: Services
    policy: Policy
    bucket: str | None

    async def look(self, source: str) -> Estimate:
        """One image by its first bytes. Raises PareError."""
        parts = self.parts
        if self.bucket is None:
            fetched = await parts.fetcher.fetch(source, first=HEAD_BYTES)
            return await parts.estimator.of_head(Head(fetched.data, fetched.size), self.policy)
        data = await parts.library.objects.get(Place(self.bucket, source), parts.settings.max_file_size)
        return await parts.estimator.of_file(data, self.policy)


async def estimated(inquest: Inquest, sources: Sequence[str]) -> BatchEstimate:
    """The whole batch, by a sample."""
    step = max(1, len(sources) // SAMPLE)
    sample = sources[::step][:SAMPLE]
    tasks = [asyncio.ensure_future(_tried(inquest, source)) for source in sample]
    try:
        done, _ = await asyncio.wait(tasks, timeout=SECONDS)
    finally:
        for task in tasks:
            task.cancel()
    results = [task.result() for task in done]
    return _scaled([found for found in results if found], len(results), len(sources))


async def _tried(inquest: Inquest, source: str) -> Estimate | None:
    try:
        return await inquest.look(source)
    except PareError:
        return None


def _scaled(found: Sequence[Estimate], looked_at: int, items: int) -> BatchEstimate:
    """As the sample, so the rest."""
    share = items / looked_at if looked_at else 0.0
    total = total_of(found)
    low, high = total.interval
    return BatchEstimate(
        items=items,
        sampled=looked_at,
        failed=looked_at - len(found),
        original_size=round(total.original_size * share),
        estimated_size=round(total.size * share),
        estimated_reduction_percent=total.reduction,
        interval=IntervalAnswer(low=low, high=high, level=LEVEL),
    )
