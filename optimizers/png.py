"""PNG and APNG: fewer colours by pngquant where asked for, better packing by oxipng, animations always exact."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from optimizers import look, png_outlook
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.policy import Effort, Metadata, Policy
from optimizers.prediction import Head
from optimizers.samples import moving, still
from optimizers.toolbox import Toolbox
from utils import metadata as words
from utils.metadata import lean_exif, parse_exif
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
from utils.png_graft import COLOUR, PIXELS, bare, graft
from utils.png_repack import repack, repack_frames
from utils.png_text import notes_size

ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
PICTURE = PIXELS | COLOUR | ANIMATION | {b"bKGD", b"pHYs", b"sTER", b"npTc", b"npLb", b"npOl"}
"""Chunks that the picture needs to look the same (the last three stretch Android's nine-patches)."""
TEXT = {b"tEXt", b"zTXt", b"iTXt"}
TEXT_WORDS = {
    b"xml:com.adobe.xmp": words.XMP,
    b"raw profile type xmp": words.XMP,
    b"raw profile type exif": words.EXIF,
    b"raw profile type app1": words.EXIF,
    b"raw profile type iptc": words.IPTC,
    b"comment": words.COMMENT,
    b"copyright": words.COPYRIGHT,
}
DECLINED = (98, 99)
"""pngquant's exit codes for a result that is larger or worse than asked for."""
HDR_TRANSFERS = {16, 18}
"""PQ and HLG (ITU-T H.273): steps that pngquant, which takes samples for sRGB, would make too coarse."""

STAY_INDEXED = {"color_type_reduction": False, "grayscale_reduction": False}
"""What oxipng may do to pngquant's work, so that it is known for what it is when it comes back."""
ANCHOR, ANCHOR_DIAL, SLOPE_BELOW = 80, 77, 0.7
"""pngquant without dithering at 77 scores what Pare's 80 asks for (SSIMULACRA2 79 where colours are lost);
above it goes point by point, below its scale falls faster than Pare's."""
DENSE, DENSE_MORE = 0.7, 8
"""Bytes a pixel from which a picture is taken for a photograph, and the points more that its shades need: at the
plain dial photographs score 42-80 and skies fall into steps."""
DIAL_SPAN = 40
"""How far below its dial pngquant may end: it declines where 256 colours do not get there. Grain costs it points
that nobody misses (photographs it rates at 47-68 score 67-80)."""
LOSSLESS_FROM = 95
"""From this quality on 256 colours are no answer."""
INDEXED_BELOW = 60
"""From this quality on a picture that has been brought to few colours keeps them: a second loss pays too little."""
CLEARLY_SMALLER = 0.75
"""Below this part of the cleaned file a lossy candidate needs no lossless rival (which is 0.81 on average)."""
SPEEDS = {Effort.FAST: "5", Effort.BALANCED: "4", Effort.BEST: "3"}
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


class Png(Optimizer):
    """Still PNG; whatever turns out to be animated is handled as an animation all the same."""

    spec = FormatSpec("png", "image/png", ("png",), "PNG", ("pngquant",))
    look = staticmethod(look_at)
    outlook = staticmethod(png_outlook.outlook)
    fits = png_outlook.FITS

    @staticmethod
    def sample() -> bytes:
        return still("PNG")

    def sniff(self, head: bytes) -> bool:
        """A PNG signature and no animation in sight."""
        return head.startswith(SIGNATURE) and not announces_animation(head)

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
            orientation=_exif(exif).orientation if exif else 1,
            metadata=notes_size(chunks),
        )

    def inspect_head(self, head: Head) -> ImageInfo:
        """Of the chunks up to the first with pixels."""
        return self.inspect(head.data if head.whole else png_outlook.closed(head.data))

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned | None:
        """Chunk by chunk; damaged chunks and bytes after IEND are no part of the picture and go whatever stays."""
        chunks, trailing = split(data)
        kept: list[Chunk] = []
        removed = [words.OTHER] if trailing else []
        for chunk in chunks:
            stays, gone = _cleaned(chunk, metadata)
            kept += stays
            removed += gone
        return Cleaned(join(kept), tuple(dict.fromkeys(removed))) if removed else Cleaned(data)

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """An animation repacked; else a still with fewer colours, and repacked where that is not clearly smaller."""
        chunks, _ = split(cleaned)
        packing = _packing(info, policy.effort)
        if info.loop is not None:
            repacked = await tools.call(repack_frames, cleaned, packing)
            if repacked:
                yield Candidate(repacked, "oxipng", lossless=True)
            return
        lossy = await _quantized(chunks, info, policy, tools, packing)
        if lossy:
            yield lossy
        if not lossy or len(lossy.data) > CLEARLY_SMALLER * len(cleaned):
            packed = await tools.call(repack, bare(chunks), packing, _freedom(chunks, policy))
            if packed:
                yield Candidate(graft(packed, chunks), "oxipng", lossless=True)


def look_at_frames(data: bytes, decoder: str, *options: Any, **named: Any) -> dict[str, Any]:
    """The same of an animation; Pillow cannot decode the later frames of an interlaced one before it is untangled."""
    interlaced = parse_header(split(data)[0][0].data).interlaced
    return look_at(repack_frames(data, UNPACKED) if interlaced else data, decoder, *options, **named)


class Apng(Png):
    """Animated PNG: losslessly repacked, every frame, delay and disposal as it was."""

    look = staticmethod(look_at_frames)
    spec = FormatSpec("apng", "image/apng", ("png", "apng"), "PNG")

    @staticmethod
    def sample() -> bytes:
        return moving("PNG")

    def counts_frames(self, head: Head) -> bool:
        """Not where more frames may follow."""
        return head.whole

    def sniff(self, head: bytes) -> bool:
        """A PNG signature and an acTL chunk before the pixels."""
        return head.startswith(SIGNATURE) and announces_animation(head)


def _exif(data: bytes) -> words.Exif:
    """An eXIf chunk read; some writers put JPEG's prefix before it."""
    return parse_exif(data.removeprefix(b"Exif\0\0"))


def _cleaned(chunk: Chunk, metadata: Metadata) -> tuple[list[Chunk], list[str]]:
    """What stays of one chunk, and the words for what went."""
    if not chunk.intact and chunk.type not in ANIMATION:
        return [], [words.OTHER]
    if metadata is Metadata.ALL or chunk.type in PICTURE:
        return [chunk], []
    if chunk.type == b"eXIf":
        return _cleaned_exif(chunk, metadata)
    word = _word(chunk)
    stays = word == words.COPYRIGHT and metadata is Metadata.SAFE
    return ([chunk], []) if stays else ([], [word])


def _cleaned_exif(chunk: Chunk, metadata: Metadata) -> tuple[list[Chunk], list[str]]:
    exif = _exif(chunk.data)
    keep_copyright = metadata is Metadata.SAFE
    lean = lean_exif(exif, keep_copyright=keep_copyright)
    if lean == chunk.data:
        return [chunk], []
    gone = [*exif.words] + ([words.COPYRIGHT] if exif.copyright and not keep_copyright else [])
    return [Chunk(b"eXIf", lean)] if lean else [], gone


def _word(chunk: Chunk) -> str:
    """The receipt's word for a chunk beside the picture."""
    if chunk.type in TEXT:
        keyword = chunk.data[:80].split(b"\0")[0].strip().lower()
        return TEXT_WORDS.get(keyword, words.TEXT)
    return words.TIME if chunk.type == b"tIME" else words.OTHER


def _packing(info: ImageInfo, effort: Effort) -> dict[str, int]:
    pixels = info.width * info.height * info.frames
    if effort is Effort.BEST and pixels <= SMALL_PIXELS:
        return PACKING_SMALL
    return PACKING[LESS[effort] if pixels > LARGE_PIXELS else effort]


async def _quantized(
    chunks: Sequence[Chunk], info: ImageInfo, policy: Policy, tools: Toolbox, packing: dict[str, int]
) -> Candidate | None:
    """The picture in at most 256 colours, packed; None where that is no good idea or pngquant declines."""
    if policy.lossless or policy.quality >= LOSSLESS_FROM or not _may_lose_colours(chunks, policy.quality):
        return None
    samples = bare(chunks)
    dial = _dial(policy.quality, dense=len(samples) > DENSE * info.width * info.height)
    target, speed = f"--quality={max(0, dial - DIAL_SPAN)}-{dial}", f"--speed={SPEEDS[policy.effort]}"
    few = await tools.run("pngquant", target, speed, "--nofs", "-", stdin=samples, no_result=DECLINED)
    if not few or 2 * _palette_size(split(few)[0]) > _palette_size(chunks) > 0:
        return None
    packed = await tools.call(repack, few, packing, STAY_INDEXED)
    if not packed:
        return None
    return Candidate(graft(packed, chunks), "pngquant+oxipng", lossless=False, dial=dial, quality=policy.quality)


def _dial(quality: int, dense: bool) -> int:
    """Pare's quality on pngquant's scale."""
    above = quality - ANCHOR
    dial = ANCHOR_DIAL + round(above if above > 0 else SLOPE_BELOW * above)
    return dial + DENSE_MORE if dense else dial


def _palette_size(chunks: Sequence[Chunk]) -> int:
    """Bytes of the palette of an indexed file; 0 for others, whose PLTE is but advice."""
    indexed = parse_header(chunks[0].data).colour == INDEXED
    return len(first(chunks, b"PLTE") or b"") if indexed else 0


def _may_lose_colours(chunks: Sequence[Chunk], quality: int) -> bool:
    """Not where there is little to gain (up to 16 shades), not where samples are measurements, HDR, or greys
    that a profile describes, which a palette cannot hold; and not a second time."""
    header = parse_header(chunks[0].data)
    cicp = first(chunks, b"cICP") or b""
    if header.depth < 8 or set(cicp[1:2]) & HDR_TRANSFERS:
        return False
    if header.colour == INDEXED:
        return quality < INDEXED_BELOW
    return not (header.grey and (header.depth == 16 or _profiled(chunks)))


def _profiled(chunks: Iterable[Chunk]) -> bool:
    """Whether a profile or code ties the file to grey or to colour samples."""
    return any(chunk.type in (b"iCCP", b"cICP") for chunk in chunks)


def _freedom(chunks: Sequence[Chunk], policy: Policy) -> dict[str, bool]:
    """What oxipng may do: greys of 16 bits stay so, a profile keeps the kind of samples that it is for, and
    colours that nobody sees (alpha 0) are samples too where every one was asked for."""
    header = parse_header(chunks[0].data)
    profiled = _profiled(chunks)
    return {
        "bit_depth_reduction": not (header.grey and header.depth == 16),
        "grayscale_reduction": not profiled,
        "color_type_reduction": not (profiled and header.grey),
        "palette_reduction": not (profiled and header.grey),
        "optimize_alpha": not policy.lossless,
    }
