"""Finds the file that meets a request's wishes: a score to reach, a budget of bytes, or both."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp

from optimizers.base import Candidate, Encoder
from optimizers.outcome import Attempt
from optimizers.policy import Policy
from optimizers.search import Trial, Try, fit, locate, reach

PERFORMANCES = 3
"""Trials on the whole picture after which any that reaches the goal will do."""
REPRISES = 1
"""The same on the whole picture after a part of it has told where."""
PART_ABOVE = 1.0
"""Points that a part scores more than its whole, which has outliers (photographs: JPEG 0.85, WebP 1.2, AVIF 1.0)."""
MARGIN = 0.3
"""Points above what was asked for that are looked for: the reference program differs by as much on flat pictures."""
CONCESSIONS = 4
"""The same where a budget is to be met."""
GROWTH = 0.05
"""Growth of log(bytes) with a point of score, at most: what a file that is better than asked for could still lose."""
UNFINISHED = 0.75
"""Share of a trial's bytes that are left when it is packed well, at least."""
GENERATION = 4
"""Steps of quality below a typical picture's to which a source may have been written and still be searched."""

Judge = Callable[[bytes], Awaitable[float | None]]
"""The score of a file against its original; None where it could not be measured."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a large picture, and how files of it score against it."""

    png: bytes
    judge: Judge


@dataclass
class Seeker:
    """One search over every encoder that competes for one picture."""

    policy: Policy
    floor: float
    """No budget is worth a result below this score."""
    judge: Judge
    tried: list[Attempt] = field(default_factory=list)
    """Every finished file, in the order in which they came, with the time that making and judging it took."""

    async def best(self, encoders: Sequence[Encoder], part: Part | None = None) -> Candidate | None:
        """The file that meets the wishes best; None where no loss is worth it."""
        chosen, start, patience = await self._rehearse([e for e in encoders if not e.spare], part)
        found: list[Candidate] = []
        for encoder in (*chosen, *(e for e in encoders if e.spare)):
            if encoder.spare and found:
                break
            if file := await self._pursue(encoder, start, patience):
                found.append(file)
                start = float(file.quality or start)
        within = [file for file in found if self._fits(file)]
        if self.policy.max_bytes is not None and self.policy.goal is None:
            return max(within, key=_score, default=min(found, key=_size, default=None))
        return min(within or found, key=_size, default=None)

    @property
    def _goal(self) -> float | None:
        """The score to look for; None where any will do."""
        goal = self.policy.goal
        return None if goal is None else min(100.0, goal + MARGIN)

    async def _rehearse(self, encoders: Sequence[Encoder], part: Part | None) -> tuple[Sequence[Encoder], float, int]:
        """The encoder that does best on a part of the picture, the quality at which it did, and how sure that is."""
        goal, found = self._goal, []
        for encoder in encoders:
            if part and goal is not None and encoder.probe and self._pays(encoder):
                bounds = (encoder.lowest, encoder.highest)
                guess = await locate(_on(part, encoder), goal + PART_ABOVE, self.policy.nominal, bounds)
                found += [(encoder, guess)] if guess else []
        if not found:
            return encoders, self.policy.nominal, PERFORMANCES
        winner, guess = min(found, key=lambda pair: (pair[1].short, pair[1].size))
        return [winner], guess.quality, REPRISES

    async def _pursue(self, encoder: Encoder, start: float, patience: int) -> Candidate | None:
        """One encoder's file: as small as the score allows, then as good as the budget allows."""
        policy, made = self.policy, dict[int, Candidate]()
        try_at = self._on_the_whole(encoder, made)
        found = await self._reach(try_at, encoder, start, patience) or self._within_margin(made)
        if policy.max_bytes is not None and (found is None or len(found.data) > policy.max_bytes):
            top = min(encoder.highest, found.quality - 1 if found else 100, 100 if policy.auto else policy.quality)
            within = await fit(try_at, policy.max_bytes, min(start, top), (encoder.lowest, top), CONCESSIONS)
            if within and within.score >= max(self.floor, policy.min_score or 0):
                found = within
            elif policy.min_score is None:
                found = await reach(try_at, self.floor, start, (encoder.lowest, top), CONCESSIONS) or found
        return await self._finished(encoder, made[found.quality]) if found else None

    def _within_margin(self, made: Mapping[int, Candidate]) -> Trial | None:
        """What reached the goal by less than was looked for."""
        goal = self.policy.goal
        files = [Trial(q, file.data, _score(file)) for q, file in made.items() if goal and _score(file) >= goal]
        return min(files, key=lambda trial: len(trial.data), default=None)

    async def _finished(self, encoder: Encoder, file: Candidate) -> Candidate:
        """The chosen file, packed as well as can be."""
        if self._weighs_every_byte or not encoder.finish:
            return file
        started = time.perf_counter()
        finished = await encoder.finish(file) or file
        self.tried.append(Attempt(finished, (time.perf_counter() - started) * 1000, "beaten"))
        return finished

    @property
    def _weighs_every_byte(self) -> bool:
        """Whether trials have to be packed as well as the answer."""
        return self.policy.max_bytes is not None

    async def _reach(self, try_at: Try, encoder: Encoder, start: float, patience: int) -> Trial | None:
        """What the score alone asks for; a quality that was named is only ever raised."""
        policy = self.policy
        if not self._pays(encoder):
            return None
        if self._goal is None:
            return await try_at(policy.quality)
        least = encoder.lowest if policy.auto else max(encoder.lowest, policy.quality)
        return await reach(try_at, self._goal, start, (least, encoder.highest), patience)

    def _pays(self, encoder: Encoder) -> bool:
        """Whether the source is fine enough: what is near the goal already would fade with every pass."""
        return encoder.highest >= self.policy.nominal - (GENERATION if self.policy.auto else 0)

    def _on_the_whole(self, encoder: Encoder, made: dict[int, Candidate]) -> Try:
        """Trials whose files could be the answer; none is made twice."""

        async def try_at(quality: int) -> Trial | None:
            if quality not in made:
                dial = encoder.dial(quality) if encoder.dial else None
                file = next((file for file in made.values() if dial is not None and file.dial == dial), None)
                file = file or await self._judged(encoder, quality)
                if file is None:
                    return None
                made[quality] = file
            return Trial(quality, made[quality].data, _score(made[quality]))

        return try_at

    async def _judged(self, encoder: Encoder, quality: int) -> Candidate | None:
        """A trial's file with its score; None where there is none, or a rival has beaten it."""
        started = time.perf_counter()
        file = await encoder.encode(quality)
        if file and encoder.finish and self._weighs_every_byte:
            file = await encoder.finish(file) or file
        score = await self.judge(file.data) if file else None
        if file is None or score is None:
            return None
        file = replace(file, score=score)
        self.tried.append(Attempt(file, (time.perf_counter() - started) * 1000, "beaten"))
        return None if self._is_beaten(file, UNFINISHED if encoder.finish else 1.0) else file

    def _is_beaten(self, candidate: Candidate, share: float) -> bool:
        """Whether a smaller file reached the score that this one has not, or will not have in so few bytes, of which
        at least this share stays."""
        goal = self._goal
        if goal is None or self.policy.max_bytes is not None:
            return False
        least = share * _size(candidate) * exp(-GROWTH * max(0.0, _score(candidate) - goal))
        rivals = (tried.candidate for tried in self.tried)
        return any(_score(rival) >= goal and _size(rival) < least for rival in rivals)

    def _fits(self, candidate: Candidate) -> bool:
        return self.policy.max_bytes is None or len(candidate.data) <= self.policy.max_bytes


def _on(part: Part, encoder: Encoder) -> Try:
    """Trials on a part of the picture."""

    async def try_at(quality: int) -> Trial | None:
        assert encoder.probe is not None
        data = await encoder.probe(part.png, quality)
        score = await part.judge(data) if data else None
        return Trial(quality, data, score) if data and score is not None else None

    return try_at


def _size(candidate: Candidate) -> int:
    return len(candidate.data)


def _score(candidate: Candidate) -> float:
    return candidate.score or 0.0
