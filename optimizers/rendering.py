"""Another picture of the same thing: at another size, on a ground, with chosen facts beside it; written anew."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from exceptions import InvalidOptions
from optimizers import look, pixels
from optimizers.base import Cleaned, ImageInfo, Optimizer, Pixels, Target
from optimizers.conversion import Conversion, Rival
from optimizers.fit import Fit
from optimizers.resize import Reading, Wish, resized
from optimizers.task import Task
from utils.exif_facts import Fact, chosen_exif
from utils.worker import name_of


@dataclass(frozen=True, slots=True)
class Rendition:
    """What is done to a picture before it is written; by default nothing."""

    width: int | None = None
    height: int | None = None
    """Pixels; a picture is never enlarged."""
    fit: Fit = Fit.INSIDE
    linear: bool = False
    """Whether a smaller picture is mixed as light mixes, which costs twice as much."""
    sharpen: bool = False
    """Whether the edges of a smaller picture are made harder."""
    background: tuple[int, int, int] | None = None
    """sRGB behind whatever is transparent, whether or not the format could hold transparency."""
    facts: frozenset[Fact] | None = None
    """What of EXIF stays, instead of what the metadata policy says."""

    @property
    def size(self) -> Wish:
        """What of it is done while decoding."""
        return Wish(self.width, self.height, self.fit.value, self.linear, self.sharpen)

    @property
    def resizes(self) -> bool:
        """Whether a size is wished for."""
        return self.width is not None or self.height is not None


def reading_of(optimizer: Optimizer, info: ImageInfo) -> Reading:
    """How a picture of this format is decoded at another size."""
    return Reading(
        optimizer.spec.decoder or "", name_of(optimizer.decode), info.orientation, animated=bool(info.durations)
    )


def writers(formats: Sequence[Optimizer], task: Task) -> list[Target]:
    """The accepted formats that can be written; of several, those that lose neither transparency nor motion.

    Raises InvalidOptions where there is none.
    """
    policy, own, moves = task.policy, task.optimizer.spec, bool(task.info.durations)
    if own.decoder is None and not (task.optimizer.vector and policy.targets):
        raise InvalidOptions(f"{own.name} has no pixels that could be redrawn")
    accepted = [
        f
        for f in formats
        if isinstance(f, Target) and (policy.accepts(own.name) if f.spec == own else f.spec.name in policy.targets)
    ]
    if not accepted:
        raise InvalidOptions(f"{own.name} cannot be written anew: name a format to convert to")
    whole = [t for t in accepted if (t.holds_alpha or not task.info.alpha) and (t.holds_animation or not moves)]
    return whole or accepted


@dataclass
class Rendering(Conversion):
    """One picture on its way to another; from its own pixels on, all that is asked of it is asked of the new one."""

    rendition: Rendition = field(default_factory=Rendition)

    def __post_init__(self) -> None:
        source_quality = self.task.info.source_quality
        if source_quality is not None and not self.rendition.resizes:
            # Finer than its source, a file would keep the source's flaws with care.
            policy = self.task.policy
            self.task = replace(self.task, policy=policy.at(min(policy.quality, source_quality)))

    async def _clean(self) -> Cleaned:
        """A raster picture as it came: only its pixels go further, and what is chosen of its EXIF."""
        return await super()._clean() if self.task.optimizer.vector else Cleaned(self.task.source.data)

    async def _decode(self, data: bytes) -> Pixels:
        drawn = await self._filled(await (self._resized(data) if self.rendition.resizes else super()._decode(data)))
        info = ImageInfo(drawn.width, drawn.height, len(drawn.frames), drawn.durations, drawn.loop, drawn.alpha)
        self.task = replace(self.task, info=info)
        return drawn

    async def _looks_ruined(self, winner: Rival) -> bool:
        """Nobody measures what is shown at another size than it was: the quality that was asked for holds."""
        return not self.rendition.resizes and await super()._looks_ruined(winner)

    def _exif(self, found: bytes) -> bytes:
        facts = self.rendition.facts
        return super()._exif(found) if facts is None else chosen_exif(found, facts)

    async def _filled(self, given: Pixels) -> Pixels:
        ground = self.rendition.background
        if ground is None or not given.alpha:
            return given
        filled = [await self._redrawn(pixels.flatten, frame, ground) for frame in given.frames]
        return replace(given, frames=tuple(filled), alpha=False, told={})

    async def _resized(self, data: bytes) -> Pixels:
        reading, size = reading_of(self.task.optimizer, self.task.info), self.rendition.size
        asked = [name_of(each) for each in (look.outline, *(t.trait for t in self.targets)) if each]
        return replace(self._pixels(await self.task.tools.call(resized, data, reading, size, asked)), resized=True)
