"""Estimates: by the header alone, and for uploads that are small enough with a sketch of the pixels."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from estimation.header_analysis import Subject, analyse
from estimation.heuristics import Estimate, best
from exceptions import PareError
from optimizers.base import ImageInfo, Optimizer
from optimizers.conversion import suitable
from optimizers.policy import ORIGINAL, Policy
from optimizers.prediction import Head, Outlook, Prediction
from optimizers.router import CHOICE
from optimizers.sketch import sketch
from security.file_validation import ImageLimits
from utils.worker_pool import WorkerPool

SKETCH_PIXELS = 1_500_000
SKETCH_BYTES = 1 << 20
"""The most that is decoded for a sketch: about 15 ms of CPU."""
SKETCH_SECONDS = 2.0
PATIENCE_SECONDS = 0.2
"""How long an estimate waits for its turn at a sketch before it goes by the header."""


def is_sketched(optimizer: Optimizer, info: ImageInfo, size: int) -> bool:
    """Whether an upload gets a sketch: where that pays, and costs no more than it may."""
    return optimizer.sketched and info.width * info.height <= SKETCH_PIXELS and size <= SKETCH_BYTES


class Estimator:
    """Estimates pictures of every format; sketches are made one at a time, in a worker of their own."""

    def __init__(self, workers: WorkerPool, formats: Sequence[Optimizer], limits: ImageLimits) -> None:
        self._workers = workers
        self._formats = formats
        self._limits = limits
        self._turn = asyncio.Lock()

    async def of_file(self, data: bytes, policy: Policy) -> Estimate:
        """A whole file. Raises PareError where /optimize would refuse its header or the wishes."""
        subject = await asyncio.to_thread(analyse, Head.of(data), self._formats, self._limits)
        return await asyncio.to_thread(self._estimate, subject, policy, await self._seen(subject))

    async def of_head(self, head: Head, policy: Policy) -> Estimate:
        """A file of which only the first bytes are at hand. Raises PareError."""
        subject = await asyncio.to_thread(analyse, head, self._formats, self._limits)
        return await asyncio.to_thread(self._estimate, subject, policy, {})

    async def _seen(self, subject: Subject) -> Mapping[str, float]:
        """The traits of a sketch; none where it would cost too much, or failed."""
        decoder = subject.optimizer.spec.decoder
        if decoder is None or not subject.info or not is_sketched(subject.optimizer, subject.info, subject.head.size):
            return {}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            return {}
        try:
            return await self._workers.call(sketch, (subject.head.data, decoder), {}, timeout=SKETCH_SECONDS)
        except PareError:
            return {}
        finally:
            self._turn.release()

    def _estimate(self, subject: Subject, policy: Policy, seen: Mapping[str, float]) -> Estimate:
        optimizer, info, head = subject.optimizer, subject.info, subject.head
        own = optimizer.spec.name
        converted: dict[str, Prediction] = {}
        if info is None:
            kept = optimizer.predict_unread(head)
        else:
            kept = optimizer.predict(info, head, policy, seen)
            converted = self._converted(optimizer, info, optimizer.outlook(info, head, policy, seen), policy, seen)
        chosen, expected = best(own, {own: kept} | {n: p for n, p in converted.items() if n in policy.targets}, policy)
        width, height = info.displayed_size if info else (None, None)
        sizes = {name: round(found.size) for name, found in converted.items() if name in CHOICE.values()}
        return Estimate(head.size, own, width, height, subject.frames, chosen, expected, sizes)

    def _converted(
        self, optimizer: Optimizer, info: ImageInfo, source: Outlook, policy: Policy, seen: Mapping[str, float]
    ) -> dict[str, Prediction]:
        """What the picture would have in every other format that can hold it. Raises InvalidOptions."""
        wanted = suitable(self._formats, optimizer, info, policy)
        offered = suitable(self._formats, optimizer, info, replace(policy, targets=(ORIGINAL, *CHOICE.values())))
        targets = {target.spec.name: target for target in (*wanted, *offered)}
        found = {name: target.foresee(source, info, policy, seen) for name, target in targets.items()}
        return {name: prediction for name, prediction in found.items() if prediction}
