"""GIF: gifsicle writes the smaller file; blocks are cleaned and carried over by byte work."""

from collections.abc import AsyncIterator, Iterator, Sequence

from exceptions import UnprocessableImage
from optimizers.base import Candidate, Cleaned, Encoder, FormatSpec, ImageInfo, Pixels, Target
from optimizers.gif_writer import write
from optimizers.policy import Effort, Metadata, Policy
from optimizers.samples import moving
from optimizers.toolbox import Toolbox
from utils import gif_blocks
from utils.gif_blocks import APPLICATION, COMMENT, GRAPHIC_CONTROL, PLAIN_TEXT, Block, Extension, Image
from utils.metadata import COMMENT as COMMENT_WORD
from utils.metadata import OTHER, TEXT, XMP

XMP_NAME, ICC_NAME = b"XMP DataXMP", b"ICCRGBG1012"
GIFSICLE = ("--no-warnings", "--no-interlace", "--no-names", "--no-extensions")
FLAT_COLOURS = 16
"""Up to so many colours are drawn, not photographed: their errors show and save nothing."""
SMOOTH, STEEPNESS = 0.28, 1.5
"""The share of neighbouring pixels that may differ before a picture counts as noise and is bent less: there the same
dial costs far more SSIMULACRA2 (a dithered film at 0.6: 45 points at dial 80, where drawings lose 12)."""
BENT_BITS = 3.9
"""Bits a change of colour below which runs are longer than the picture explains: lossy LZW has been here before."""
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
            lossy = await _lossy(gif, level, policy.quality, policy.effort, tools)
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

    def encoder(method: str, *options: str) -> Encoder:
        async def encode(quality: int) -> Candidate | None:
            level = round(full_lossiness(quality) * give)
            made = await _lossy(gif, level, quality, effort, tools, *options)
            return Candidate(made, method, lossless=False, dial=level, quality=quality) if made else None

        return Encoder(method, encode)

    sizes = FEWER_COLOURS if effort is Effort.BEST else ()
    return [encoder("gifsicle lossy"), *(encoder(f"gifsicle lossy, {n} colours", f"--colors={n}") for n in sizes)]


def word_of(block: Block) -> str | None:
    """What a block is called in receipts when it has to go; None for what the picture needs."""
    if isinstance(block, Image) or block.label == GRAPHIC_CONTROL or block.is_loop:
        return None
    if block.label == APPLICATION:
        return {ICC_NAME: None, XMP_NAME: XMP}.get(block.data, OTHER)
    return {COMMENT: COMMENT_WORD, PLAIN_TEXT: TEXT}.get(block.label, OTHER)


def full_lossiness(quality: int) -> int:
    """gifsicle's dial for an ordinary picture: 120 at quality 80."""
    return 6 * (100 - quality)


async def _give(gif: gif_blocks.Gif, tools: Toolbox) -> float:
    """The share of the full dial that the picture bears: less where it is noise, 0 where it is flat or bent."""
    if max(image.colours or gif.screen.colours for image in gif.images) <= FLAT_COLOURS:
        return 0
    heaviest = max(gif.images, key=lambda image: len(image.coded))
    change = await tools.call(colour_changes, bytes(gif_blocks.still(gif.screen, heaviest)))
    if not change or 8 * len(heaviest.coded) / heaviest.area < BENT_BITS * change:
        return 0
    return float(min(1.0, SMOOTH / change) ** STEEPNESS)


def colour_changes(still: bytes) -> float:
    """Run in an isolated worker: the share of pixels whose palette index is not that of the one to the left."""
    import io

    import numpy as np
    from PIL import Image as Pillow

    with Pillow.open(io.BytesIO(still), formats=["GIF"]) as image:
        indices = np.asarray(image)
    return float((indices[:, 1:] != indices[:, :-1]).mean()) if indices.shape[1] > 1 else 0.0


async def _lossy(
    gif: gif_blocks.Gif, level: int, quality: int, effort: Effort, tools: Toolbox, *options: str
) -> bytes | None:
    """The file bent to `level`; a noisy film a little further behind its first frame, which is seen longest."""
    eased = level < full_lossiness(quality) and len(gif.images) > 1
    bent = (f"--lossy={round(level * BEHIND) if eased else level}",) if level else ()
    film = await _gifsicle(gif, effort, tools, *bent, *options)
    if film is None:
        return None
    if len(bytes(film)) > REPACKED_FROM * len(bytes(gif)):
        repacked = await _gifsicle(film, effort, tools)
        film = min(film, repacked or film, key=lambda made: len(bytes(made)))
    if eased and level:
        poster = await _gifsicle(gif_blocks.first_frame(gif), effort, tools, f"--lossy={level}", *options)
        film = _behind(poster, film) if poster else film
    return _with_extras(film, gif)


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
