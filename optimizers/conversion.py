"""Another format: decoded once, written by every format that the caller accepts, the smallest good file wins."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from exceptions import InvalidOptions, ToolError, UnprocessableImage
from optimizers import look, pixels
from optimizers.base import Cleaned, Encoder, ImageInfo, Optimizer, Pixels, Target
from optimizers.judging import FLOOR_PIXELS, WHOLE_PIXELS, judge_of, part_of
from optimizers.outcome import Attempt, Outcome, Reason
from optimizers.policy import Metadata, Policy
from optimizers.seeker import Judge, Seeker
from optimizers.task import Task, error_of
from optimizers.verify import differences
from utils.metadata import lean_exif, parse_exif

log = structlog.get_logger("pare.engine")
PNG = "PNG"


def suitable(formats: Sequence[Optimizer], optimizer: Optimizer, info: ImageInfo, policy: Policy) -> list[Target]:
    """The accepted formats besides the picture's own; of several, those that lose neither transparency nor motion.

    A drawing becomes pixels only where it may not stay one.
    """
    own, moves = optimizer.spec, bool(info.durations)
    others = [f for f in formats if isinstance(f, Target) and f.spec.name in policy.targets and f.spec != own]
    whole = [t for t in others if (t.holds_alpha or not info.alpha) and (t.holds_animation or not moves)]
    if policy.accepts(own.name):
        return [] if optimizer.vector else whole
    return whole or others


@dataclass(frozen=True, slots=True)
class Rival:
    """One file, the format that made it and the pixels that it was given."""

    target: Target
    given: Pixels
    attempt: Attempt


@dataclass
class Conversion:
    """One picture on its way into other formats."""

    task: Task
    targets: Sequence[Target]
    attempts: list[Attempt] = field(default_factory=list)
    """What did not come into question in the end."""

    async def run(self) -> Outcome:
        """Decode, encode, verify, conclude. Raises PareError where nothing can be made of the input."""
        task = self.task
        with task.clock.span("encode"):
            cleaned = await task.clean()
            decoded = await self._decode(cleaned.data)
            cleaned = replace(cleaned, data=b"")  # what it shows lies decoded beside it
            rivals: list[Rival] = []
            for target in self.targets:
                given = await self._suited(decoded, target)
                rivals += await self._made_by(target, given, task.policy)
        with task.clock.span("verify"):
            winner = await self._dispose(rivals)
        if await self._looks_ruined(winner):
            winner = await self._once_more(winner)
        return self._conclude(cleaned, winner)

    async def _decode(self, data: bytes) -> Pixels:
        task, info = self.task, self.task.info
        moves = bool(info.durations)
        seen = await task.tools.call(
            task.optimizer.decode, data, task.optimizer.spec.decoder or "", info.orientation, moves
        )
        if seen is None:
            raise error_of(task.tools)
        return Pixels(
            frames=tuple(seen["frames"]),
            width=seen["width"],
            height=seen["height"],
            alpha=seen["alpha"],
            durations=info.durations,
            loop=(info.loop or 0) if moves else None,  # what does not say plays for ever
            icc=seen["icc"],
            exif=self._exif(seen["exif"]),
        )

    def _exif(self, found: bytes) -> bytes:
        """What stays of the picture's EXIF block."""
        keep_copyright = self.task.policy.metadata is not Metadata.NONE
        return lean_exif(replace(parse_exif(found), orientation=1), keep_copyright=keep_copyright)

    async def _suited(self, given: Pixels, target: Target) -> Pixels:
        """What the target can hold of it: on a ground where it has no transparency, the first frame where no motion."""
        if given.durations and not target.holds_animation:
            given = replace(given, frames=given.frames[:1], durations=(), loop=None)
        given = replace(given, durations=tuple(round(ms / target.tick) * target.tick for ms in given.durations))
        if given.alpha and not target.holds_alpha:
            ground = self.task.policy.background
            flat = [await self._redrawn(pixels.flatten, frame, ground) for frame in given.frames]
            given = replace(given, frames=tuple(flat), alpha=False)
        elif given.alpha and target.alpha_is_mask:
            given = replace(given, frames=tuple([await self._redrawn(pixels.mask, frame) for frame in given.frames]))
        return given

    async def _redrawn(self, function: Callable[..., bytes], frame: bytes, *args: Any) -> bytes:
        png = await self.task.tools.call(function, frame, *args)
        if png is None:
            raise error_of(self.task.tools)
        return png

    async def _made_by(self, target: Target, given: Pixels, policy: Policy) -> list[Rival]:
        """What one format makes of the picture."""
        encoders = list(await target.encoders(given, policy, self.task.tools))
        if policy.lossless:
            encoders = [encoder for encoder in encoders if encoder.lossless]
            if not encoders:
                raise InvalidOptions(f"{target.spec.name} cannot be written without loss")
        if not policy.seeks:
            made = [attempt for encoder in encoders if (attempt := await _attempt(encoder, policy.quality))]
        else:
            made = [attempt for encoder in encoders if encoder.lossless and (attempt := await _attempt(encoder, 100))]
            made += await self._seek(target, given, [e for e in encoders if not e.lossless], policy)
        return [Rival(target, given, attempt) for attempt in made]

    async def _seek(self, target: Target, given: Pixels, encoders: list[Encoder], policy: Policy) -> list[Attempt]:
        """The target's file that meets the wishes; where its best misses the score, that one."""
        first, decoder = given.frames[0], target.spec.decoder or ""
        judge = self._judge(given, decoder)
        part = await part_of(self.task, encoders, first, PNG, decoder) if not given.durations else None
        seeker = Seeker(policy, self.task.floor, judge)
        best = await seeker.best(encoders, part)
        if best is None and seeker.tried:
            best = max((attempt.candidate for attempt in seeker.tried), key=lambda made: made.score or 0.0)
        self.attempts += [attempt for attempt in seeker.tried if attempt.candidate is not best]
        return [attempt for attempt in seeker.tried if attempt.candidate is best]

    async def _looks_ruined(self, winner: Rival) -> bool:
        """Whether the winner is one that nobody measured, its encoder doubts, and a look at a part finds too poor."""
        made = winner.attempt.candidate
        if not made.doubtful or made.score is not None:
            return False
        score = await self._judge(winner.given, winner.target.spec.decoder or "", FLOOR_PIXELS)(made.data)
        return score is not None and score < self.task.floor

    async def _once_more(self, ruined: Rival) -> Rival:
        """The same format with a floor under the score; what nothing better can be made of stays."""
        self.attempts.append(replace(ruined.attempt, verdict=f"score under {self.task.floor:g}"))
        policy = replace(self.task.policy, min_score=self.task.floor)
        with self.task.clock.span("encode"):
            rivals = await self._made_by(ruined.target, ruined.given, policy)
        with self.task.clock.span("verify"):
            return await self._dispose(rivals) if rivals else ruined

    def _judge(self, given: Pixels, decoder: str, budget: int = WHOLE_PIXELS) -> Judge:
        """Scores files against the pixels in their colours, those of a film against the film."""
        if given.durations:
            return judge_of(self.task, self.task.source.data, self.task.optimizer.spec.decoder or "", decoder, budget)
        return judge_of(self.task, pixels.profiled(given.frames[0], given.icc), PNG, decoder, budget)

    async def _dispose(self, rivals: list[Rival]) -> Rival:
        """The smallest that is what it should be. Raises where there is none."""
        for rival in sorted(rivals, key=self._rank):
            made, lost = rival.attempt.candidate, await self._lost(rival)
            rivals = [r for r in rivals if r is not rival]
            if not lost:
                self.attempts += [r.attempt for r in rivals]
                return replace(rival, attempt=replace(rival.attempt, verdict="won"))
            self.attempts.append(replace(rival.attempt, verdict="; ".join(lost)))
            log.warning("conversion lost", format=rival.target.spec.name, method=made.method, lost=lost)
        raise self.task.tools.last_error or UnprocessableImage("no encoder made a file of the image")

    def _rank(self, rival: Rival) -> tuple[bool, int, bool]:
        """What is best comes first: reaches the score, is small, loses nothing."""
        made = rival.attempt.candidate
        return self._short(rival), len(made.data), not made.lossless

    def _short(self, rival: Rival) -> bool:
        """Whether a file misses the score that was asked for."""
        score = rival.attempt.candidate.score
        return score is not None and score < (self.task.policy.goal or 0)

    async def _lost(self, rival: Rival) -> list[str]:
        """What a file lost against the pixels that its encoder was given."""
        target, given, data = rival.target, rival.given, rival.attempt.candidate.data
        before = ImageInfo(given.width, given.height, len(given.frames), given.durations, given.loop)
        try:
            after = target.inspect(data)
            seen = await self.task.look(target, data, exact=False)
            first = await self.task.proof.call(look.raster, given.frames[0], PNG, False)
        except (UnprocessableImage, ToolError) as error:
            return [error.detail]
        if first is None:
            return [error_of(self.task.proof).detail]
        # What a profile says was settled when the pixels were made; a film is judged by its first frame here.
        icc, count = seen["icc"], len(seen["thumbs"])
        shown = {**first, "icc": icc, "frames": seen["frames"], "thumbs": first["thumbs"][:1]}
        return differences(before, after, shown, {**seen, "thumbs": seen["thumbs"][: min(1, count)]}, exact=False)

    def _conclude(self, cleaned: Cleaned, winner: Rival) -> Outcome:
        task, made = self.task, winner.attempt.candidate
        over = task.policy.max_bytes is not None and len(made.data) > task.policy.max_bytes
        reason = Reason.SCORE_UNREACHABLE if self._short(winner) else Reason.OPTIMIZED
        return Outcome(
            source=task.source,
            spec=task.optimizer.spec,
            made=winner.target.spec,
            before=task.info,
            data=made.data,
            method=made.method,
            reason=Reason.BUDGET_UNREACHABLE if over else reason,
            quality=made.quality,
            score=made.score,
            attempts=tuple(attempt.told for attempt in (winner.attempt, *self.attempts)),
            removed=(*cleaned.removed, *cleaned.kept),
            kept=(),
            spans=task.clock.spans,
        )


async def _attempt(encoder: Encoder, quality: int) -> Attempt | None:
    started = time.perf_counter()
    candidate = await encoder.encode(quality)
    return Attempt(candidate, (time.perf_counter() - started) * 1000, "beaten") if candidate else None
