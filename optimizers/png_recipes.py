"""Lossy ways of writing a PNG: fewer colours by pngquant, or fewer levels a channel where 256 colours are too few."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from optimizers.base import Candidate, Encoder
from optimizers.png_pixels import posterize, traits
from optimizers.policy import Effort, between
from optimizers.toolbox import Toolbox
from utils.png_chunks import INDEXED, Chunk, first, parse_header, split
from utils.png_graft import bare, graft
from utils.png_repack import repack

DECLINED = (98, 99)
"""pngquant's exit codes for a result that is larger or worse than asked for."""
HDR_TRANSFERS = {16, 18}
"""PQ and HLG (ITU-T H.273): steps that pngquant, which takes samples for sRGB, would make too coarse."""
STAY_INDEXED = {"color_type_reduction": False, "grayscale_reduction": False}
"""What oxipng may do to pngquant's work, so that it is known for what it is when it comes back."""
SOFT, BUSY = 0.5, 0.5
"""Shares (`traits`) from which a picture has shades rather than edges, and from which it is all picture: a photograph.
pngquant at 77 scores 61-79 on soft pictures, 83-94 on hard ones: it means error over flat ground and text alike."""
SOFT_DIALS = ((1, 5), (20, 30), (30, 40), (50, 59), (60, 66), (70, 73), (80, 83), (90, 94), (100, 100))
HARD_DIALS = ((1, 5), (30, 25), (50, 42), (70, 58), (80, 68), (90, 84), (100, 100))
"""pngquant's quality for Pare's, without dithering."""
LEVELS = (
    (1, 10), (20, 12), (30, 14), (40, 15.5), (50, 17), (60, 19), (70, 21.5), (80, 25.5), (90, 33), (95, 44), (100, 105)
)  # fmt: skip
"""Levels a channel for Pare's quality; six photographs lie within 3 points of it from 60 to 95."""
FINE_LEVELS = 0.75
"""Share of the source's own levels up to which fewer are worth a loss."""
DIAL_SPAN = 40
"""How far below its dial pngquant may end: it declines where 256 colours do not get there. Grain costs it points
that nobody misses (photographs it rates at 47-68 score 67-80)."""
MOST_COLOURS = 256
REDUCED_BELOW = 60
"""From this quality on a file of few colours or levels keeps them: half of them would do, pass after pass."""
FULL_UP_TO = 84
"""Pare's quality up to which a full palette will do: such photographs score 71-86."""
FEW_COLOURS = 16
"""Colours up to which shades fall into steps that show; a full palette has not reached its dial, and pngquant means
error over flat ground too: such results are looked at (soft shades on flat ground score 61-87 at 80)."""
HALF, WHOLE = 0.5, 1.0
LESS, CLIFF = 4, 0.75
"""Of soft pictures with up to twice as many colours, a few more can resolve a faint texture and double the file: so
much less of the dial, with half dithering, is taken where it is this part of the bytes."""
ROUGHLY = {"level": 0}
SPEEDS = {Effort.FAST: "5", Effort.BALANCED: "4", Effort.BEST: "3"}


@dataclass(frozen=True, slots=True)
class Picture:
    """One still to be written anew, with all that has to go along with its samples."""

    chunks: Sequence[Chunk]
    samples: bytes
    """The bare file."""
    packing: dict[str, int]
    freedom: dict[str, bool]
    """What oxipng may do to its kind of samples."""
    effort: Effort
    soft: bool
    photo: bool
    levels: float
    """Of its richest channel."""

    even: bool = False
    """Whether these are even steps: it has been posterized."""

    @property
    def is_reduced(self) -> bool:
        """Whether colours or levels have been taken from it before."""
        return self.even or self.palette > 0

    @property
    def palette(self) -> int:
        """Colours of an indexed file; 0 for others, whose PLTE is but advice."""
        return colours(self.chunks)


class Recipe(Protocol):
    """One way of writing."""

    @property
    def method(self) -> str:
        """Its name in receipts."""

    def dial(self, picture: Picture, quality: int) -> int:
        """The tool's own setting for Pare's quality."""

    async def write(self, picture: Picture, quality: int, tools: Toolbox) -> bytes | None:
        """A bare file, not yet packed well; None where the tool declines or too little would change."""


@dataclass(frozen=True, slots=True)
class Palette:
    """At most 256 colours by pngquant."""

    dithering: float = 0.0
    less: int = 0
    """What to take from the dial."""
    method: str = "pngquant+oxipng"

    def dial(self, picture: Picture, quality: int) -> int:
        dial = round(between(SOFT_DIALS if picture.soft else HARD_DIALS, quality))
        return max(1, dial - self.less)

    async def write(self, picture: Picture, quality: int, tools: Toolbox) -> bytes | None:
        dial = self.dial(picture, quality)
        if picture.is_reduced and quality >= REDUCED_BELOW:
            return None
        target = f"--quality={max(0, dial - DIAL_SPAN)}-{dial}"
        dithering = f"--floyd={self.dithering}" if self.dithering else "--nofs"
        speed = f"--speed={SPEEDS[picture.effort]}"
        few = await tools.run("pngquant", target, speed, dithering, "-", stdin=picture.samples, no_result=DECLINED)
        # Even then it keeps them unless half of them will do: else it would fade with every pass.
        return None if not few or 2 * colours(split(few)[0]) > picture.palette > 0 else few


@dataclass(frozen=True, slots=True)
class Posterized:
    """Fewer levels a channel: for photographs that need more than 256 colours."""

    method: str = "posterize+oxipng"

    def dial(self, picture: Picture, quality: int) -> int:
        return round(between(LEVELS, quality))

    async def write(self, picture: Picture, quality: int, tools: Toolbox) -> bytes | None:
        steps = await tools.call(posterize, picture.samples, self.dial(picture, quality))
        return await tools.call(repack, steps, ROUGHLY, picture.freedom) if steps else None

    def highest(self, picture: Picture) -> int:
        """The best quality that takes a good part of the source's levels away."""
        most = FINE_LEVELS * picture.levels
        return next((quality for quality in range(100, 0, -1) if self.dial(picture, quality) <= most), 0)


async def picture_of(
    chunks: Sequence[Chunk], packing: dict[str, int], effort: Effort, tools: Toolbox
) -> Picture | None:
    """What lossy ways of writing have to know; None where samples must not be lost, or cannot be decoded."""
    if not _may_lose(chunks):
        return None
    samples = bare(chunks)
    seen = await tools.call(traits, samples)
    if seen is None:
        return None
    soft = seen["soft"] >= SOFT
    photo = soft and seen["busy"] >= BUSY
    return Picture(chunks, samples, packing, freedom(chunks), effort, soft, photo, seen["levels"], bool(seen["even"]))


async def at_quality(picture: Picture, quality: int, tools: Toolbox) -> Candidate | None:
    """The file that a fixed quality means: a palette, where need be dithered, or else fewer levels."""
    recipe: Recipe = Palette()
    few = await recipe.write(picture, quality, tools)
    count = colours(split(few)[0]) if few else 0
    if picture.photo and not picture.palette and (few is None or (count == MOST_COLOURS and quality > FULL_UP_TO)):
        recipe = Posterized()
        few = await recipe.write(picture, quality, tools)
    elif few and picture.soft and count <= 2 * FEW_COLOURS and picture.effort is not Effort.FAST:
        dithered = Palette(HALF, LESS)
        other = await dithered.write(picture, quality, tools)
        if other and len(other) <= CLIFF * len(few):
            recipe, few = dithered, other
    return await _packed(_draft(few, recipe, picture, quality), picture, tools) if few else None


def encoders(picture: Picture, tools: Toolbox) -> list[Encoder]:
    """What competes at equal score: no dithering first, which is smallest on nearly all pictures."""
    strengths = (0.0, HALF, WHOLE) if picture.effort is Effort.BEST else (0.0,)
    highest = REDUCED_BELOW - 1 if picture.is_reduced else 100
    made = [_encoder(Palette(strength), picture, tools, highest) for strength in strengths]
    if picture.palette or not (picture.photo if picture.effort is Effort.FAST else picture.soft):
        return made
    levels = Posterized()
    return [*made, _encoder(levels, picture, tools, levels.highest(picture))]


def _encoder(recipe: Recipe, picture: Picture, tools: Toolbox, highest: int = 100) -> Encoder:
    full = 100

    async def encode(quality: int) -> Candidate | None:
        nonlocal full
        rough = await recipe.write(picture, quality, tools) if quality <= full else None
        if rough is None:
            return None
        if colours(split(rough)[0]) == MOST_COLOURS:
            full = quality  # all that a palette can do: any better quality is the same file
        return _draft(rough, recipe, picture, quality)

    async def finish(draft: Candidate) -> Candidate | None:
        return await _packed(draft, picture, tools)

    dial = partial(recipe.dial, picture)
    return Encoder(recipe.method, encode, highest=highest, dial=dial, finish=finish)


def _draft(rough: bytes, recipe: Recipe, picture: Picture, quality: int) -> Candidate:
    """A recipe's file with all that goes along, not yet packed well."""
    count = colours(split(rough)[0])
    doubtful = picture.soft and (not picture.photo or 0 < count <= FEW_COLOURS or count == MOST_COLOURS)
    return Candidate(
        graft(rough, picture.chunks),
        recipe.method,
        lossless=False,
        dial=recipe.dial(picture, quality),
        quality=quality,
        doubtful=doubtful,
    )


async def _packed(draft: Candidate, picture: Picture, tools: Toolbox) -> Candidate | None:
    """The same, packed."""
    chunks, _ = split(draft.data)
    indexed = parse_header(chunks[0].data).colour == INDEXED
    packed = await tools.call(repack, bare(chunks), picture.packing, STAY_INDEXED if indexed else picture.freedom)
    return replace(draft, data=graft(packed, picture.chunks)) if packed else None


def colours(chunks: Sequence[Chunk]) -> int:
    """Entries of an indexed file's palette; 0 for other files."""
    indexed = parse_header(chunks[0].data).colour == INDEXED
    return len(first(chunks, b"PLTE") or b"") // 3 if indexed else 0


def freedom(chunks: Sequence[Chunk], *, every_sample: bool = False) -> dict[str, bool]:
    """What oxipng may do: greys of 16 bits stay so, a profile keeps the kind of samples that it is for, and
    colours that nobody sees (alpha 0) are samples too where every one was asked for."""
    header = parse_header(chunks[0].data)
    profiled = _profiled(chunks)
    return {
        "bit_depth_reduction": not (header.grey and header.depth == 16),
        "grayscale_reduction": not profiled,
        "color_type_reduction": not (profiled and header.grey),
        "palette_reduction": not (profiled and header.grey),
        "optimize_alpha": not every_sample,
    }


def _may_lose(chunks: Sequence[Chunk]) -> bool:
    """Not where there is little to gain (up to 16 shades), not where samples are measurements, HDR, or greys
    that a profile describes, which a palette cannot hold."""
    header = parse_header(chunks[0].data)
    cicp = first(chunks, b"cICP") or b""
    if header.depth < 8 or set(cicp[1:2]) & HDR_TRANSFERS:
        return False
    return not (header.grey and (header.depth == 16 or _profiled(chunks)))


def _profiled(chunks: Sequence[Chunk]) -> bool:
    """Whether a profile or code ties the file to grey or to colour samples."""
    return any(chunk.type in (b"iCCP", b"cICP") for chunk in chunks)
