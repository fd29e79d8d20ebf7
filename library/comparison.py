"""Every variant of one image beside the others: bytes, and how it looks against the image at the variant's own size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from library.ingest import Examined
from library.variants import Variant
from optimizers import score
from optimizers.engine import Engine
from optimizers.judging import WHOLE_PIXELS
from optimizers.rendering import reading_of
from optimizers.resize import Reading, Wish, resized
from optimizers.task import error_of
from utils.concurrency import Slots

METRIC = "ssimulacra2"
PNG = "PNG"


@dataclass(frozen=True, slots=True)
class Compared:
    """One variant of one image; `score` is SSIMULACRA2."""

    preset: str
    size_bytes: int
    width: int
    height: int
    score: float


class Comparison:
    """Draws variants by one engine and scores them; nothing is kept."""

    def __init__(self, engine: Engine, slots: Slots) -> None:
        self._engine = engine
        self._slots = slots

    async def of(self, examined: Examined, variants: Sequence[Variant], *, alpha: bool) -> list[Compared]:
        """Each variant, in order. Raises PareError."""
        return [await self._one(examined, variant, alpha) for variant in variants]

    async def _one(self, examined: Examined, variant: Variant, alpha: bool) -> Compared:
        policy = variant.policy(alpha=alpha)
        outcome = await self._engine.render(examined.source, variant.rendition(), policy)
        made = outcome.made.decoder
        assert made
        reading = reading_of(examined.optimizer, replace(examined.info, durations=()))
        size = variant.rendition().size
        tools = self._engine.toolbox()
        async with self._slots.slot():
            found = await tools.call(score_at_size, examined.source.data, outcome.data, made, reading, size)
        if found is None:
            raise error_of(tools)
        width, height = outcome.before.displayed_size
        return Compared(variant.name, len(outcome.data), width, height, found)


def score_at_size(original: bytes, drawn: bytes, made: str, reading: Reading, size: Wish) -> float:
    """SSIMULACRA2 of a drawn picture against the original at that size, unpacked; runs in an isolated worker."""
    reference = resized(original, reading, size)["frames"][0]
    return score.scores(reference, PNG, [drawn], made, WHOLE_PIXELS)[0]


def recommended(compared: Sequence[Compared], min_score: float) -> str | None:
    """The smallest that reaches the score; None where none does."""
    good = [(one.size_bytes, one.preset) for one in compared if one.score >= min_score]
    return min(good)[1] if good else None
