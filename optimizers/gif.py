"""GIF: gifsicle writes the smaller file; blocks are cleaned and carried over by byte work."""

from collections.abc import AsyncIterator, Iterator

from exceptions import UnprocessableImage
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
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
SMOOTH_BITS = 1.6
"""Bits a pixel up to which lossy LZW finds long runs; noisier pictures get ever less loss (measured by SSIMULACRA2)."""
FULL_GAIN, EASED_GAIN = 0.05, 0.20
"""Shares of the bytes a loss has to save. A file that has been through lossy LZW gives less (so no generation loss);
the bar is higher where noise eased the level, as the file's second pass would look less noisy and be bent further."""


class Gif(Optimizer):
    """Still and animated GIF."""

    spec = FormatSpec("gif", "image/gif", ("gif",), decoder="GIF", tools=("gifsicle",))

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
            loop=gif_blocks.loop_count(gif.blocks) if animated else None,
            alpha=not covered or any(control.disposal == 2 for control in controls),
        )

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned:
        if metadata is Metadata.ALL:
            return Cleaned(data)
        gif = gif_blocks.parse(data)
        words = [word_of(block) for block in gif.blocks] + ([OTHER] if gif.trailing else [])
        kept = tuple(block for block in gif.blocks if word_of(block) is None)
        return Cleaned(bytes(gif_blocks.Gif(gif.screen, kept)), tuple(dict.fromkeys(word for word in words if word)))

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        gif = gif_blocks.parse(cleaned)
        if any(isinstance(block, Extension) and block.label == PLAIN_TEXT for block in gif.blocks):
            return  # only a policy that keeps everything keeps text frames, and gifsicle would lose their place
        level = 0 if policy.lossless else lossiness(gif, policy.quality)
        if level:
            lossy = await _gifsicle(gif, policy.effort, tools, f"--lossy={level}")
            if lossy and len(lossy) < (1 - _least_gain(level, policy.quality)) * len(cleaned):
                yield Candidate(lossy, "gifsicle lossy", lossless=False, dial=level, quality=policy.quality)
                return
        if same := await _gifsicle(gif, policy.effort, tools):
            yield Candidate(same, "gifsicle", lossless=True)


def word_of(block: Block) -> str | None:
    """What a block is called in receipts when it has to go; None for what the picture needs."""
    if isinstance(block, Image) or block.label == GRAPHIC_CONTROL or block.is_loop:
        return None
    if block.label == APPLICATION:
        return {ICC_NAME: None, XMP_NAME: XMP}.get(block.data, OTHER)
    return {COMMENT: COMMENT_WORD, PLAIN_TEXT: TEXT}.get(block.label, OTHER)


def full_lossiness(quality: int) -> int:
    """gifsicle's dial for an ordinary picture: 100 at quality 80."""
    return 5 * (100 - quality)


def lossiness(gif: gif_blocks.Gif, quality: int) -> int:
    """How far gifsicle may bend pixels towards longer runs: less for much noise, nothing for few colours."""
    palette = len(gif.screen.palette) // 3
    if max(len(image.palette) // 3 or palette for image in gif.images) <= FLAT_COLOURS:
        return 0
    heaviest = max(gif.images, key=lambda image: len(image.coded))
    left, top, right, bottom = heaviest.box
    bits = 8 * len(heaviest.coded) / max(1, (right - left) * (bottom - top))
    return round(full_lossiness(quality) * min(1, SMOOTH_BITS / bits))


def _least_gain(level: int, quality: int) -> float:
    return FULL_GAIN if level == full_lossiness(quality) else EASED_GAIN


async def _gifsicle(gif: gif_blocks.Gif, effort: Effort, tools: Toolbox, *options: str) -> bytes | None:
    """Run gifsicle over the bare frames and put the other blocks back in front of what it wrote."""
    level = "-O3" if effort is Effort.BEST else "-O2"
    bare = bytes(gif_blocks.Gif(gif.screen, tuple(_pinned(gif))))
    written = await tools.run("gifsicle", *GIFSICLE, level, *options, stdin=bare)
    if written is None:
        return None
    try:
        result = gif_blocks.parse(written)
    except UnprocessableImage:
        return None
    return bytes(
        gif_blocks.Gif(result.screen, tuple(_extras(gif)) + tuple(b for b in result.blocks if not _is_extra(b)))
    )


def _pinned(gif: gif_blocks.Gif) -> Iterator[Block]:
    """Frames and their timing alone; a comment before each keeps gifsicle from merging frames that look the same."""
    for block in gif.blocks:
        if isinstance(block, Image):
            yield gif_blocks.extension(COMMENT, b"-")
        if not _is_extra(block):
            yield block


def _extras(gif: gif_blocks.Gif) -> Iterator[Block]:
    return (block for block in gif.blocks if _is_extra(block))


def _is_extra(block: Block) -> bool:
    return isinstance(block, Extension) and block.label != GRAPHIC_CONTROL
