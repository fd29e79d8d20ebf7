"""PNG and APNG: fewer colours or levels where asked for, better packing by oxipng, animations always exact."""

import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from optimizers import look
from optimizers.base import Candidate, Cleaned, Encoder, FormatSpec, ImageInfo, Optimizer, Pixels, Target
from optimizers.png_cleaning import PICTURE, cleaned_chunk, read_exif
from optimizers.png_recipes import at_quality, encoders, freedom, picture_of
from optimizers.policy import Effort, Metadata, Policy
from optimizers.samples import moving, still
from optimizers.toolbox import Toolbox
from utils import metadata as words
from utils.png_chunks import (
    GREY_ALPHA,
    INDEXED,
    RGB_ALPHA,
    SIGNATURE,
    Chunk,
    announces_animation,
    first,
    join,
    parse_header,
    read_animation,
    read_header,
    split,
)
from utils.png_graft import bare, graft
from utils.png_repack import repack, repack_frames
from utils.png_text import notes_size

LOSSLESS_FROM = 95
"""A fixed quality from which on no loss is an answer."""
CLEARLY_SMALLER = 0.75
"""Below this part of the cleaned file a lossy candidate needs no lossless rival (which is 0.81 on average)."""
PACKING: dict[Effort, dict[str, int]] = {
    Effort.FAST: {"level": 1},
    Effort.BALANCED: {"level": 2, "libdeflater": 12},
    Effort.BEST: {"level": 4},
}
UNPACKED = {"level": 0}
PACKING_SMALL = {"level": 2, "zopfli": 15}
SMALL_PIXELS, LARGE_PIXELS = 1_000_000, 16_000_000
"""Pixels of all frames up to which zopfli fits into the time limit, and from which an effort is one step less."""
LESS = {Effort.FAST: Effort.FAST, Effort.BALANCED: Effort.FAST, Effort.BEST: Effort.BALANCED}


def look_at(data: bytes, decoder: str, exact: bool = True) -> dict[str, Any]:
    """Decode what the picture is made of: a long text or a damaged side note does not make a PNG undecodable."""
    chunks, _ = split(data)
    return look.raster(join(c for c in chunks if c.intact and (c.type in PICTURE or c.type == b"eXIf")), decoder, exact)


class PngFile(Optimizer):
    """What stills and animations share; whatever turns out to be animated is handled as an animation all the same."""

    def inspect(self, data: bytes) -> ImageInfo:
        """Header, animation control and EXIF of a whole file."""
        chunks, _ = split(data)
        header = read_header(chunks)
        animation = read_animation(chunks, header)
        exif = first((chunk for chunk in chunks if chunk.intact), b"eXIf")
        return ImageInfo(
            width=header.width,
            height=header.height,
            frames=len(animation.durations) if animation else 1,
            durations=animation.durations if animation else (),
            loop=animation.plays if animation else None,
            alpha=header.colour in (GREY_ALPHA, RGB_ALPHA) or first(chunks, b"tRNS") is not None,
            bit_depth=8 if header.colour == INDEXED else header.depth,
            orientation=read_exif(exif).orientation if exif else 1,
            metadata=notes_size(chunks),
        )

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned | None:
        """Chunk by chunk; damaged chunks and bytes after IEND are no part of the picture and go whatever stays."""
        chunks, trailing = split(data)
        kept: list[Chunk] = []
        removed = [words.OTHER] if trailing else []
        for chunk in chunks:
            stays, gone = cleaned_chunk(chunk, metadata)
            kept += stays
            removed += gone
        return Cleaned(join(kept), tuple(dict.fromkeys(removed))) if removed else Cleaned(data)

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """An animation repacked; else a still with fewer colours, and repacked where that is not clearly smaller."""
        chunks, _ = split(cleaned)
        packing = _packing(info.width * info.height * info.frames, policy.effort)
        if info.loop is not None:
            repacked = await tools.call(repack_frames, cleaned, packing)
            if repacked:
                yield Candidate(repacked, "oxipng", lossless=True)
            return
        lossy = None
        if not policy.lossless and policy.quality < LOSSLESS_FROM:
            picture = await picture_of(chunks, packing, policy.effort, tools)
            lossy = await at_quality(picture, policy.quality, tools) if picture else None
        if lossy:
            yield lossy
        if lossy and len(lossy.data) <= CLEARLY_SMALLER * len(cleaned):
            return
        if same := await _same(chunks, packing, policy, tools):
            yield same


class Png(PngFile, Target):
    """Still PNG."""

    spec = FormatSpec("png", "image/png", ("png",), "PNG", ("pngquant",))
    look = staticmethod(look_at)

    @staticmethod
    def sample() -> bytes:
        return still("PNG")

    def sniff(self, head: bytes) -> bool:
        """A PNG signature and no animation in sight."""
        return head.startswith(SIGNATURE) and not announces_animation(head)

    async def recoders(self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """Palettes and fewer levels of a still; none of them tries a part, which needs other colours than the whole."""
        if info.loop is not None:
            return ()
        packing = _packing(info.width * info.height, policy.effort)
        picture = await picture_of(split(cleaned)[0], packing, policy.effort, tools)
        return encoders(picture, tools) if picture else ()

    async def encoders(self, pixels: Pixels, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """The same over pixels, and every sample as it is."""
        chunks = _labelled(split(pixels.frames[0])[0], pixels)
        packing = _packing(pixels.width * pixels.height, policy.effort)

        async def exact(quality: int) -> Candidate | None:
            return await _same(chunks, packing, policy, tools)

        lossless = Encoder("oxipng", exact, lossless=True)
        picture = None if policy.lossless else await picture_of(chunks, packing, policy.effort, tools)
        if picture is None:
            return (lossless,)
        if policy.seeks:
            return (*encoders(picture, tools), lossless)

        async def fixed(quality: int) -> Candidate | None:
            return await at_quality(picture, quality, tools) if quality < LOSSLESS_FROM else None

        return (Encoder("pngquant+oxipng", fixed), lossless)


def look_at_frames(data: bytes, decoder: str, *options: Any, **named: Any) -> dict[str, Any]:
    """The same of an animation; Pillow cannot decode the later frames of an interlaced one before it is untangled."""
    interlaced = parse_header(split(data)[0][0].data).interlaced
    return look_at(repack_frames(data, UNPACKED) if interlaced else data, decoder, *options, **named)


class Apng(PngFile):
    """Animated PNG: losslessly repacked, every frame, delay and disposal as it was."""

    look = staticmethod(look_at_frames)
    spec = FormatSpec("apng", "image/apng", ("png", "apng"), "PNG")

    @staticmethod
    def sample() -> bytes:
        return moving("PNG")

    def sniff(self, head: bytes) -> bool:
        """A PNG signature and an acTL chunk before the pixels."""
        return head.startswith(SIGNATURE) and announces_animation(head)


def _packing(pixels: int, effort: Effort) -> dict[str, int]:
    if effort is Effort.BEST and pixels <= SMALL_PIXELS:
        return PACKING_SMALL
    return PACKING[LESS[effort] if pixels > LARGE_PIXELS else effort]


async def _same(chunks: Sequence[Chunk], packing: dict[str, int], policy: Policy, tools: Toolbox) -> Candidate | None:
    """Every sample as it is, packed."""
    packed = await tools.call(repack, bare(chunks), packing, freedom(chunks, every_sample=policy.lossless))
    return Candidate(graft(packed, chunks), "oxipng", lossless=True) if packed else None


def _labelled(chunks: Sequence[Chunk], pixels: Pixels) -> list[Chunk]:
    """A bare file's chunks with the pixels' profile and what EXIF they keep."""
    labels = []
    if pixels.icc:
        labels.append(Chunk(b"iCCP", b"icc\0\0" + zlib.compress(pixels.icc)))
    if pixels.exif:
        labels.append(Chunk(b"eXIf", pixels.exif))
    return [chunks[0], *labels, *chunks[1:]]
