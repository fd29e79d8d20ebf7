"""Estimates: by the header alone, and for uploads that are small enough with a sketch of the pixels."""

import asyncio
import time
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
from optimizers.toolbox import Toolbox
from security.file_validation import ImageLimits
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

SKETCH_SECONDS = 5.0
PATIENCE_SECONDS = 2.0
"""How long an estimate waits for its turn at a sketch before it goes by the header."""


class Estimator:
    """Estimates pictures of every format; sketches are made one at a time, in a worker of their own."""

    def __init__(
        self, runner: ToolRunner, workers: WorkerPool, formats: Sequence[Optimizer], limits: ImageLimits
    ) -> None:
        self._runner = runner
        self._workers = workers
        self._formats = formats
        self._limits = limits
        self._turn = asyncio.Lock()

    async def of_file(self, data: bytes, policy: Policy) -> Estimate:
        """A whole file. Raises PareError where /optimize would refuse its header or the wishes."""
        subject = await asyncio.to_thread(analyse, Head.of(data), self._formats, self._limits)
        return await asyncio.to_thread(self._estimate, subject, policy, await self._seen(subject, policy))

    async def of_head(self, head: Head, policy: Policy) -> Estimate:
        """A file of which only the first bytes may be at hand. Raises PareError."""
        if head.whole:
            return await self.of_file(head.data, policy)
        subject = await asyncio.to_thread(analyse, head, self._formats, self._limits)
        return await asyncio.to_thread(self._estimate, subject, policy, {})

    async def _seen(self, subject: Subject, policy: Policy) -> Mapping[str, float]:
        """The traits of a sketch; none where it would cost too much, took too long, or failed."""
        if subject.info is None:
            return {}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._turn.acquire()
        except TimeoutError:
            return {}
        try:
            tools = Toolbox(self._runner, self._workers, time.monotonic() + SKETCH_SECONDS, SKETCH_SECONDS)
            return await subject.optimizer.sketch(subject.head.data, subject.info, policy, tools) or {}
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
