"""How files score against an original, measured in isolated workers."""

from collections.abc import Sequence

from optimizers import pixels, score
from optimizers.base import Encoder
from optimizers.seeker import Judge, Part
from optimizers.task import Task

WHOLE_PIXELS = 4_000_000
"""Pixels up to which a picture is scored whole; of larger ones as many are."""
FLOOR_PIXELS = 300_000
"""Pixels looked at where the question is only whether a result is ruined."""
PART_PIXELS = 400_000
"""Pixels of the part on which trials of a large picture are made."""
LARGE = 2.5
"""How many such parts a picture has to have for trials on one to pay."""


def judge_of(task: Task, original: bytes, decoder: str, made: str, budget: int = WHOLE_PIXELS) -> Judge:
    """Scores files that the decoder `made` opens against the original."""

    async def judge(data: bytes) -> float | None:
        with task.clock.span("score"):
            found = await task.tools.call(score.scores, original, decoder, [data], made, budget)
        return found[0] if found else None

    return judge


async def part_of(task: Task, encoders: Sequence[Encoder], data: bytes, decoder: str, made: str) -> Part | None:
    """A piece of a large still for trials; None where trials on the whole are as good or no encoder makes others."""
    if not any(encoder.probe for encoder in encoders) or task.info.frames > 1:
        return None
    if task.info.width * task.info.height < LARGE * PART_PIXELS:
        return None
    png = await task.tools.call(pixels.sample, data, decoder, PART_PIXELS)
    return Part(png, judge_of(task, png, "PNG", made)) if png else None
