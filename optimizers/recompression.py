"""Same format: the picture's own format proposes smaller files of it, and every one has to prove itself."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from exceptions import ToolError, ToolKilled, ToolTimeout, UnprocessableImage
from optimizers.base import Candidate, Cleaned, ImageInfo
from optimizers.judging import FLOOR_PIXELS, judge_of, part_of
from optimizers.outcome import Attempt, Outcome, Reason
from optimizers.policy import Policy
from optimizers.seeker import Seeker
from optimizers.task import Task
from optimizers.toolbox import Toolbox
from optimizers.verify import differences

log = structlog.get_logger("pare.engine")
LOSSY_SHARE = 0.98
"""A lossy file has to be below this share of the best lossless one: less is not worth a generation of loss."""
CLEARLY_SMALLER = 0.75
"""Share of the cleaned file below which a searched one needs no lossless rival."""


@dataclass
class Recompression:
    """One picture on its way; every step reads what the steps before it made."""

    task: Task
    seen: dict[str, Any] | None = None
    seen_exactly: bool = False
    also_ran: list[Attempt] = field(default_factory=list)
    """Trials of a search that did not end it."""

    async def run(self) -> Outcome:
        """Clean, propose, verify, conclude. Raises PareError where the input has to be refused."""
        policy = self.task.policy
        with self.task.clock.span("encode"):
            cleaned = await self.task.clean()
            seeks = policy.seeks and not self.task.optimizer.vector
            attempts = await (self._seek(cleaned, policy) if seeks else self._propose(cleaned, policy))
        with self.task.clock.span("verify"):
            cleaned, attempts = await self._dispose(cleaned, attempts)
        if await self._looks_ruined(attempts):
            cleaned, attempts = await self._once_more(cleaned)
        return self._conclude(cleaned, attempts)

    async def _seek(self, cleaned: Cleaned, policy: Policy) -> list[Attempt]:
        """The file that meets the wishes, found by trials, and lossless rivals where it is not clearly smaller."""
        encoders = await self.task.optimizer.recoders(*self._given(cleaned, policy))
        judge = judge_of(self.task, self.task.source.data, self._decoder, self._decoder)
        part = await part_of(self.task, encoders, cleaned.data, self._decoder, self._decoder)
        seeker = Seeker(policy, self.task.floor, judge)
        best = await seeker.best(encoders, part)
        self.also_ran += [attempt for attempt in seeker.tried if attempt.candidate is not best]
        attempts = [attempt for attempt in seeker.tried if attempt.candidate is best]
        if best is None or len(best.data) > CLEARLY_SMALLER * len(cleaned.data):
            attempts += await self._propose(cleaned, replace(policy, lossless=True))
        return attempts

    async def _looks_ruined(self, attempts: list[Attempt]) -> bool:
        """Whether the winner is one that nobody measured, its encoder doubts, and a look at a part finds too poor."""
        winner = _winner(attempts)
        if winner is None or not winner.doubtful or winner.score is not None:
            return False
        judge = judge_of(self.task, self.task.source.data, self._decoder, self._decoder, FLOOR_PIXELS)
        score = await judge(winner.data)
        if score is None or score >= self.task.floor:
            return False
        self.also_ran.append(Attempt(replace(winner, score=score), 0.0, f"score {score:.0f}"))
        return True

    async def _once_more(self, cleaned: Cleaned) -> tuple[Cleaned, list[Attempt]]:
        """The same wishes with a floor under the score."""
        with self.task.clock.span("encode"):
            attempts = await self._seek(cleaned, replace(self.task.policy, min_score=self.task.floor))
        with self.task.clock.span("verify"):
            return await self._dispose(cleaned, attempts)

    @property
    def _decoder(self) -> str:
        return self.task.optimizer.spec.decoder or ""

    def _given(self, cleaned: Cleaned, policy: Policy) -> tuple[bytes, ImageInfo, Policy, Toolbox]:
        return cleaned.data, self.task.info, policy, self.task.tools

    async def _propose(self, cleaned: Cleaned, policy: Policy) -> list[Attempt]:
        attempts = []
        started = time.perf_counter()
        try:
            async for candidate in self.task.optimizer.optimize(*self._given(cleaned, policy)):
                now = time.perf_counter()
                attempts.append(Attempt(candidate, (now - started) * 1000, "beaten"))
                started = now
        except UnprocessableImage as error:
            # A tool's output, most likely; where it is the input, looking at that will tell.
            log.warning("unreadable proposal", format=self.task.optimizer.spec.name, detail=error.detail)
            if not policy.lossless:  # it ended the proposals: what goes without loss is asked for anew
                attempts += await self._propose(cleaned, replace(policy, lossless=True))
        return attempts

    async def _dispose(self, cleaned: Cleaned, attempts: list[Attempt]) -> tuple[Cleaned, list[Attempt]]:
        """Judge every attempt, smallest first, until one wins; without one, see that the cleaned file will do."""
        judged: list[Attempt] = []
        # Asked anew after each loser: a lossless attempt that failed no longer stands in a lossy one's way.
        share = 1.0 if self.task.optimizer.vector else LOSSY_SHARE
        while rivals := _smaller(attempts, len(cleaned.data), share):
            rival = min(rivals, key=_size)
            attempts = [a for a in attempts if a is not rival]
            lost = await self._lost(rival.candidate.data, exact=rival.candidate.lossless)
            judged.append(replace(rival, verdict="; ".join(lost) or "won"))
            if not lost:
                return cleaned, [*judged, *(a if a in rivals else _unfit(a, cleaned) for a in attempts)]
        if cleaned.data == self.task.source.data:
            await self._original(exact=False)
        elif await self._lost(cleaned.data, exact=True, in_time=True):
            cleaned = self._uncleaned(cleaned)
        return cleaned, [*judged, *(_unfit(a, cleaned) for a in attempts)]

    async def _original(self, *, exact: bool) -> dict[str, Any]:
        """What is to be seen in the input, looked at once, or once more when a rival has to be equal to the pixel."""
        if self.seen is None or exact > self.seen_exactly:
            self.seen, self.seen_exactly = (
                await self.task.look(self.task.optimizer, self.task.source.data, exact=exact),
                exact,
            )
        return self.seen

    async def _lost(self, data: bytes, *, exact: bool, in_time: bool = False) -> list[str]:
        """What a file would lose against the input; with `in_time`, want of time or memory is no verdict but an error.

        Raises UnprocessableImage where the input itself is broken.
        """
        before = await self._original(exact=exact)
        try:
            after = self.task.optimizer.inspect(data)
            seen = await self.task.look(self.task.optimizer, data, exact=exact)
        except (UnprocessableImage, ToolError) as error:
            if in_time and isinstance(error, ToolTimeout | ToolKilled):
                raise
            return [error.detail]
        return differences(self.task.info, after, before, seen, exact=exact)

    def _uncleaned(self, cleaned: Cleaned) -> Cleaned:
        if self.task.optimizer.spec.active:
            raise UnprocessableImage("the document cannot be made safe without changing what it shows")
        return Cleaned(self.task.source.data, kept=(*cleaned.removed, *cleaned.kept))

    def _conclude(self, cleaned: Cleaned, attempts: list[Attempt]) -> Outcome:
        winner = _winner(attempts)
        data = winner.data if winner else cleaned.data
        reason = Reason.OPTIMIZED if len(data) < len(self.task.source.data) else self._excuse(cleaned, attempts)
        if self.task.policy.max_bytes is not None and len(data) > self.task.policy.max_bytes:
            reason = Reason.BUDGET_UNREACHABLE
        return Outcome(
            source=self.task.source,
            spec=self.task.optimizer.spec,
            made=self.task.optimizer.spec,
            before=self.task.info,
            data=data,
            method=winner.method if winner else "clean" if cleaned.data != self.task.source.data else "none",
            reason=reason,
            quality=winner.quality if winner else None,
            score=winner.score if winner else None,
            attempts=tuple(attempt.told for attempt in (*attempts, *self.also_ran)),
            removed=cleaned.removed,
            kept=cleaned.kept,
            spans=self.task.clock.spans,
        )

    def _excuse(self, cleaned: Cleaned, attempts: list[Attempt]) -> Reason:
        """Why the file did not get smaller."""
        if self.task.tools.timed_out:
            return Reason.TIME_LIMIT
        if cleaned.kept or self.task.optimizer.spec.passthrough:
            return Reason.FORMAT_PASSTHROUGH
        if attempts and min(map(_size, attempts)) > len(cleaned.data):
            return Reason.WOULD_BE_LARGER
        return Reason.ALREADY_OPTIMAL


def _winner(attempts: Sequence[Attempt]) -> Candidate | None:
    return next((a.candidate for a in attempts if a.verdict == "won"), None)


def _smaller(attempts: Sequence[Attempt], size: int, share: float) -> list[Attempt]:
    """Those that are smaller than `size`, the lossy ones below their share of the best lossless one."""
    best = min([size, *(_size(a) for a in attempts if a.candidate.lossless)])
    return [a for a in attempts if _size(a) < (size if a.candidate.lossless else best * share)]


def _size(attempt: Attempt) -> int:
    return len(attempt.candidate.data)


def _unfit(attempt: Attempt, cleaned: Cleaned) -> Attempt:
    return replace(attempt, verdict="not_worth_it" if _size(attempt) < len(cleaned.data) else "larger")
