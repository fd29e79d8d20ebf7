"""One original drawn as it is asked for: what is kept, what is drawn anew, and in which format."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from delivery.parameters import ORIGINAL, Wishes
from optimizers.base import ImageInfo, Optimizer, Source, Target
from optimizers.engine import Engine
from optimizers.fit import Fit
from optimizers.outcome import Outcome
from optimizers.policy import ORIGINAL as OWN
from optimizers.policy import Policy
from optimizers.rendering import Rendition
from optimizers.router import detect

AUTO_SCORE = 75.0
"""The SSIMULACRA2 that `q=auto` reaches: on pages, a little less than /optimize."""
START = 80
"""Where the search of `q=auto` begins."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is known of an original before anything is drawn."""

    optimizer: Optimizer
    info: ImageInfo

    @property
    def moves(self) -> bool:
        """Whether it is an animation."""
        return bool(self.info.durations)

    def fits(self, target: Target) -> bool:
        """Whether a format can show all of it."""
        return (target.holds_alpha or not self.info.alpha) and (target.holds_animation or not self.moves)


async def draw(engine: Engine, source: Source, wishes: Wishes, negotiated: str, spans: Mapping[str, float]) -> Outcome:
    """The original as it is asked for; `negotiated` is what `auto` stands for, empty for its own format.

    Raises PareError where it has to be refused.
    """
    optimizer = detect(source.data, engine.formats)
    sheet = Sheet(optimizer, await asyncio.to_thread(optimizer.inspect, source.data))
    redrawn = changes(sheet.info.displayed_size, wishes)
    targets = _targets(sheet, wishes, negotiated, engine.formats, redrawn=redrawn)
    policy = _policy(wishes, targets)
    if not redrawn or (optimizer.vector and not targets):
        return await engine.run(source, policy, spans)
    rendition = Rendition(wishes.width, wishes.height, wishes.fit, sharpen=wishes.sharpen)
    return await engine.render(source, rendition, policy, spans)


def changes(size: tuple[int, int], wishes: Wishes) -> bool:
    """Whether a picture of this size is drawn at another, or cut."""
    (across, down), width, height = size, wishes.width, wishes.height
    smaller = [wish < side for wish, side in ((width, across), (height, down)) if wish]
    if wishes.fit is Fit.OUTSIDE:
        return bool(smaller) and all(smaller)
    if width and height and wishes.fit is not Fit.INSIDE:
        return any(smaller) or width * down != height * across
    return any(smaller)


def _policy(wishes: Wishes, targets: tuple[str, ...]) -> Policy:
    if wishes.quality is None:
        return Policy(START, auto=True, min_score=AUTO_SCORE, named=True, targets=targets)
    return Policy(wishes.quality, named=wishes.quality_named or bool(targets), targets=targets)


def _targets(
    sheet: Sheet, wishes: Wishes, negotiated: str, formats: Sequence[Optimizer], *, redrawn: bool
) -> tuple[str, ...]:
    """Names of the formats that the answer may have; empty for the original's own."""
    own = sheet.optimizer
    if wishes.format != ORIGINAL and not negotiated:
        return (wishes.format,)
    if own.vector:
        return ()
    if negotiated:
        best = _moving(sheet, negotiated, formats)
        return (best,) if redrawn or not own.on_pages else (best, OWN)
    writable = isinstance(own, Target) if redrawn else own.on_pages
    return () if writable else _shown_everywhere(sheet, formats)


def _moving(sheet: Sheet, negotiated: str, formats: Sequence[Optimizer]) -> str:
    """The negotiated format, or for an animation that it does not hold the next one: who shows it shows that, too."""
    ranked = sorted((f for f in formats if isinstance(f, Target) and f.rank), key=lambda f: -f.rank)
    names = [f.spec.name for f in ranked]
    below = ranked[names.index(negotiated) :]
    return next((f.spec.name for f in below if sheet.fits(f)), negotiated)


def _shown_everywhere(sheet: Sheet, formats: Sequence[Optimizer]) -> tuple[str, ...]:
    """Formats that every client shows, or for what none of them holds the least new one that does."""
    targets = sorted((f for f in formats if isinstance(f, Target) and not f.legacy), key=lambda f: f.rank)
    whole = [f for f in targets if sheet.fits(f)] or targets
    return tuple(f.spec.name for f in whole if f.rank == whole[0].rank)
