"""GIF: gifsicle writes the smaller file; blocks are cleaned and carried over by byte work."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from math import log

from exceptions import UnprocessableImage
from optimizers import gif_outlook
from optimizers.base import Candidate, Cleaned, Encoder, FormatSpec, ImageInfo, Pixels, Target
from optimizers.gif_tolerance import colour_changes, full_lossiness, heaviest_of, is_flat, tolerance
from optimizers.gif_writer import write
from optimizers.policy import Effort, Metadata, Policy
from optimizers.prediction import Head
from optimizers.samples import moving
from optimizers.toolbox import Toolbox
from utils import gif_blocks
from utils.gif_blocks import APPLICATION, COMMENT, GRAPHIC_CONTROL, PLAIN_TEXT, Block, Extension, Image
from utils.metadata import COMMENT as COMMENT_WORD
from utils.metadata import OTHER, TEXT, XMP

XMP_NAME, ICC_NAME = b"XMP DataXMP", b"ICCRGBG1012"
GIFSICLE = ("--no-warnings", "--no-interlace", "--no-names", "--no-extensions")
BEHIND = 1.15
REPACKED_FROM = 0.85
"""Share of the input from which a bent file is packed once more: noise in few colours then loses another quarter."""
FEWER_COLOURS = (128, 64)
LEAST_GAIN = 0.05
"""A loss that saves less is not worth it."""


class Gif(Target):
    """Still and animated GIF."""

    spec = FormatSpec("gif", "image/gif", ("gif",), decoder="GIF", tools=("gifsicle",))
    alpha_is_mask = True
    holds_animation = True
    tick = 10
    legacy = True
    outlook = staticmethod(gif_outlook.outlook)
    fits = gif_outlook.FITS

    @staticmethod
    def sample() -> bytes:
        return moving("GIF")

    def sniff(self, head: bytes) -> bool:
        return head[:6] in (b"GIF87a", b"GIF89a")

    def inspect(self, data: bytes) -> ImageInfo:
        gif = gif_blocks.parse(data)
        controls = list(gif_blocks.controls(gif.blocks))
        left, top, right, bottom = gif.images[0].box
        width, height = max(gif.screen.width, right), max(gif.screen.height, bottom)
        if not width or not height:
            raise UnprocessableImage("the GIF has no size")
        covered = (left, top, right, bottom) == (0, 0, width, height) and controls[0].transparent is None
        animated = len(controls) > 1
        return ImageInfo(
            width,
            height,
            frames=len(controls),
            durations=tuple(control.delay * 10 for control in controls) if animated else (),
            loop=plays(gif_blocks.loop_count(gif.blocks)) if animated else None,
            metadata=sum(len(bytes(block)) for block in gif.blocks if _is_extra(block)),
            alpha=not covered or any(control.disposal == 2 for control in controls),
        )

    def inspect_head(self, head: Head) -> ImageInfo:
        """Of as many frames as there are."""
        return self.inspect(head.data if head.whole else gif_blocks.closed(head.data))

    def counts_frames(self, head: Head) -> bool:
        """Not where more frames may follow."""
        return head.whole

    async def sketch(self, data: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Mapping[str, float] | None:
        """What is left of the first frames; None where already one is large."""
        gif = gif_outlook.first_frames(gif_blocks.parse(data))
        if gif.images[0].area > gif_outlook.LARGEST_FRAME:
            return None
        part = bytes(gif)
        made = [len(candidate.data) async for candidate in self.optimize(part, info, policy, tools)]
        return {"left": log(min([len(part), *made]) / len(part))}

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned:
        if metadata is Metadata.ALL:
            return Cleaned(data)
        gif = gif_blocks.parse(data)
        words = [word_of(block) for block in gif.blocks] + ([OTHER] if gif.trailing else [])
        kept = tuple(block for block in gif.blocks if word_of(block) is None)
        return Cleaned(bytes(gif_blocks.Gif(gif.screen, kept)), tuple(dict.fromkeys(word for word in words if word)))

    async def recoders(self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """gifsicle's lossy runs; with the best effort over fewer colours as well."""
        gif = gif_blocks.parse(cleaned)
        if any(isinstance(block, Extension) and block.label == PLAIN_TEXT for block in gif.blocks):
            return ()
        give = await _give(gif, tools)
        return _bending(gif, give, policy.effort, tools) if give else ()

    async def encoders(self, pixels: Pixels, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """Each frame in 256 colours of its own, transparency all or nothing, then as `recoders` do."""
        gif = await write(pixels, tools)
        return _bending(gif, await _give(gif, tools), policy.effort, tools) if gif else ()

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        gif = gif_blocks.parse(cleaned)
        if any(isinstance(block, Extension) and block.label == PLAIN_TEXT for block in gif.blocks):
            return  # only a policy that keeps everything keeps text frames, and gifsicle would lose their place
        level = 0 if policy.lossless else round(full_lossiness(policy.quality) * await _give(gif, tools))
        if level:
            lossy = await _bent(gif, level, policy.quality, policy.effort, tools)
            lossy = await _packed(lossy, gif, policy.effort, tools) if lossy else None
            if lossy and len(lossy) < (1 - LEAST_GAIN) * len(cleaned):
                yield Candidate(lossy, "gifsicle lossy", lossless=False, dial=level, quality=policy.quality)
                return
        if same := await _gifsicle(gif, policy.effort, tools):
            yield Candidate(_with_extras(same, gif), "gifsicle", lossless=True)


def plays(repeats: int | None) -> int:
    """How often viewers play an animation with this repeat count: once more, but 0 is for ever."""
    return 1 if repeats is None else min(repeats + 1, 0xFFFF) if repeats else 0


def _bending(gif: gif_blocks.Gif, give: float, effort: Effort, tools: Toolbox) -> list[Encoder]:
    """Encoders that bend a picture's pixels by quality, each with a palette of another size."""

    def dial(quality: int) -> int:
        return round(full_lossiness(quality) * give)

    async def finish(made: Candidate) -> Candidate | None:
        return replace(made, data=await _packed(made.data, gif, effort, tools))

    def encoder(method: str, *options: str) -> Encoder:
        async def encode(quality: int) -> Candidate | None:
            level = dial(quality)
            made = await _bent(gif, level, quality, effort, tools, *options)
            return Candidate(made, method, lossless=False, dial=level, quality=quality) if made else None

        return Encoder(method, encode, dial=dial, finish=finish)

    sizes = FEWER_COLOURS if effort is Effort.BEST else ()
    return [encoder("gifsicle lossy"), *(encoder(f"gifsicle lossy, {n} colours", f"--colors={n}") for n in sizes)]


def word_of(block: Block) -> str | None:
    """What a block is called in receipts when it has to go; None for what the picture needs."""
    if isinstance(block, Image) or block.label == GRAPHIC_CONTROL or block.is_loop:
        return None
    if block.label == APPLICATION:
        return {ICC_NAME: None, XMP_NAME: XMP}.get(block.data, OTHER)
    return {COMMENT: COMMENT_WORD, PLAIN_TEXT: TEXT}.get(block.label, OTHER)


async def _give(gif: gif_blocks.Gif, tools: Toolbox) -> float:
    """The share of the full dial that the picture bears."""
    if is_flat(gif):
        return 0
    heaviest = heaviest_of(gif)
    change = await tools.call(colour_changes, bytes(gif_blocks.still(gif.screen, heaviest)))
    return tolerance(heaviest, change or 0.0)


async def _bent(
    gif: gif_blocks.Gif, level: int, quality: int, effort: Effort, tools: Toolbox, *options: str
) -> bytes | None:
    """The file bent to `level`; a noisy film a little further behind its first frame, which is seen longest."""
    eased = level < full_lossiness(quality) and len(gif.images) > 1
    bent = (f"--lossy={round(level * BEHIND) if eased else level}",) if level else ()
    film = await _gifsicle(gif, effort, tools, *bent, *options)
    if film and eased and level:
        poster = await _gifsicle(gif_blocks.first_frame(gif), effort, tools, f"--lossy={level}", *options)
        film = _behind(poster, film) if poster else film
    return _with_extras(film, gif) if film else None


async def _packed(bent: bytes, gif: gif_blocks.Gif, effort: Effort, tools: Toolbox) -> bytes:
    """The bent file, packed once more where that may pay."""
    if len(bent) <= REPACKED_FROM * len(bytes(gif)):
        return bent
    repacked = await _gifsicle(gif_blocks.parse(bent), effort, tools)
    return min(bent, _with_extras(repacked, gif) if repacked else bent, key=len)


def _behind(poster: gif_blocks.Gif, film: gif_blocks.Gif) -> gif_blocks.Gif:
    """The film with the poster as its first frame; gifsicle cuts later frames by the source, not by its own losses."""
    new, old = poster.images[0], film.images[0]
    shows_below = [next(gif_blocks.controls(gif.blocks)).transparent is not None for gif in (poster, film)]
    if new.box != old.box or any(shows_below):
        return film
    new = new.with_palette(poster.screen.palette)
    return gif_blocks.Gif(film.screen, tuple(new if block is old else block for block in film.blocks))


async def _gifsicle(gif: gif_blocks.Gif, effort: Effort, tools: Toolbox, *options: str) -> gif_blocks.Gif | None:
    """What gifsicle makes of the bare frames."""
    level = "-O3" if effort is Effort.BEST else "-O2"
    bare = bytes(gif_blocks.Gif(gif.screen, tuple(_pinned(gif))))
    written = await tools.run("gifsicle", *GIFSICLE, level, *options, stdin=bare)
    try:
        return gif_blocks.parse(written) if written else None
    except UnprocessableImage:
        return None


def _with_extras(bare: gif_blocks.Gif, source: gif_blocks.Gif) -> bytes:
    """The new frames behind the source's other blocks: its loop, and what the cleaning left."""
    extras = (block for block in source.blocks if _is_extra(block))
    return bytes(gif_blocks.Gif(bare.screen, (*extras, *(block for block in bare.blocks if not _is_extra(block)))))


def _pinned(gif: gif_blocks.Gif) -> Iterator[Block]:
    """Frames and their timing alone; a comment before each keeps gifsicle from merging frames that look the same."""
    for block in gif.blocks:
        if isinstance(block, Image):
            yield gif_blocks.extension(COMMENT, b"-")
        if not _is_extra(block):
            yield block


def _is_extra(block: Block) -> bool:
    return isinstance(block, Extension) and block.label != GRAPHIC_CONTROL
