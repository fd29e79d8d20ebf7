"""WebP: cwebp writes a still, or each frame of an animation in its own place, anew; libwebp's animation encoder takes
lossless animations, where it finds smaller differences between frames. Chunks are cleaned by byte work."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from exceptions import UnprocessableImage
from optimizers import webp_outlook
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.policy import Effort, Metadata, Policy
from optimizers.prediction import Head
from optimizers.samples import still
from optimizers.toolbox import Toolbox
from utils import metadata as words
from utils import riff, vp8
from utils.riff import Chunk

FORM = b"WEBP"
ICC_FLAG, ALPHA_FLAG, EXIF_FLAG, XMP_FLAG = 0x20, 0x10, 0x08, 0x04
FLAGS = {b"ICCP": ICC_FLAG, b"ALPH": ALPHA_FLAG, b"EXIF": EXIF_FLAG, b"XMP ": XMP_FLAG}
PIXELS = (b"ALPH", b"VP8 ", b"VP8L")
PICTURE = (b"VP8X", b"ICCP", b"ANIM", b"ANMF", *PIXELS)
FRAME_HEAD = 16
MAX_FRAME_CHUNKS = 16
"""In one frame of an animation, which needs two."""
EXIF_PREFIX = b"Exif\0\0"
MARGIN, LEAST_GAIN = 3, 0.05
"""A lossy source is written anew where its quality is this much above the asked one and that saves this share: the
quantizers tell quality to within 3, and a file of our own would shrink, and fade, with every pass."""
SOFTEST_ALPHA = 75
"""Transparency's own quality: libwebp keeps 56 levels of it here, and below 70 so few that shadows show steps."""
CLEARLY_SMALLER = 0.9

LOSSY = {
    Effort.FAST: ("-m", "4"),
    Effort.BALANCED: ("-m", "6", "-sharp_yuv"),
    Effort.BEST: ("-m", "6", "-sharp_yuv", "-af"),
}
SHARP_BONUS = 2
"""Sharp YUV at a dial this much lower scores what plain YUV does (SSIMULACRA2, stills at 80: 3 points in the mean)."""
LOSSLESS = {
    Effort.FAST: ("-lossless", "-m", "4", "-q", "75"),
    Effort.BALANCED: ("-lossless", "-m", "4", "-q", "75"),
    Effort.BEST: ("-lossless", "-m", "6", "-q", "100"),
}
ANIMATION_METHOD = {Effort.FAST: 4, Effort.BALANCED: 4, Effort.BEST: 6}
"""Lossless animations stay at 4: 6 takes a hundred times the CPU for 1 % of the bytes."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The chunks of one still or one frame's pixels, and what their header says."""

    chunks: tuple[Chunk, ...]
    header: vp8.Bitstream

    @property
    def quality(self) -> int | None:
        """The quality it was written with, on libwebp's scale; None where lossless."""
        return None if self.header.quantizer is None else quality_of(self.header.quantizer)

    @property
    def size(self) -> int:
        """Bytes that it takes in a file."""
        return sum(len(bytes(chunk)) for chunk in self.chunks)


class Webp(Optimizer):
    """Lossy, lossless and animated WebP."""

    spec = FormatSpec("webp", "image/webp", ("webp",), decoder="WEBP", tools=("cwebp",))
    outlook = staticmethod(webp_outlook.outlook)
    fits = webp_outlook.FITS

    @staticmethod
    def sample() -> bytes:
        return still("WEBP", quality=100)

    def sniff(self, head: bytes) -> bool:
        return head[:4] == b"RIFF" and head[8:12] == FORM

    def inspect(self, data: bytes) -> ImageInfo:
        chunks = riff.parse(data, FORM).chunks
        shown = pictures(chunks)
        width, height, alpha = _canvas(chunks, shown)
        frames = [chunk for chunk in chunks if chunk.name == b"ANMF"]
        animated = len(frames) > 1
        qualities = [picture.quality for picture in shown]
        lossy = [quality for quality in qualities if quality is not None]
        return ImageInfo(
            width,
            height,
            frames=len(shown),
            durations=tuple(map(_duration, frames)) if animated else (),
            loop=_loop(chunks) if animated else None,
            alpha=alpha,
            orientation=_exif(chunks).orientation,
            metadata=sum(len(chunk.data) for chunk in chunks if chunk.name not in PICTURE or chunk.name == b"ICCP"),
            source_quality=max(lossy) if len(lossy) == len(qualities) else None,
        )

    def inspect_head(self, head: Head) -> ImageInfo:
        """Of as many frames as there are."""
        return self.inspect(head.data if head.whole else webp_outlook.closed(head.data))

    def counts_frames(self, head: Head) -> bool:
        """Not where more frames may follow."""
        return head.whole or not webp_outlook.announces_film(head.data)

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned:
        if metadata is Metadata.ALL:
            return Cleaned(data)
        file = riff.parse(data, FORM)
        kept: list[Chunk] = []
        removed = [words.OTHER] if file.trailing else []
        for chunk in file.chunks:
            stays, gone = _cleaned(chunk, keep_copyright=metadata is Metadata.SAFE)
            kept += stays
            removed += gone
        return Cleaned(assemble(kept), tuple(dict.fromkeys(removed))) if removed else Cleaned(data)

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        chunks = riff.parse(cleaned, FORM).chunks
        animate = _is_lossless_animation(chunks)
        encode = _animate if animate else _rewrite
        if not policy.lossless:
            dial = policy.quality if animate else dial_of(policy.quality, policy.effort)
            lossy = await encode(chunks, policy.quality, policy.effort, tools)
            if lossy:
                yield Candidate(lossy, "webp", lossless=False, dial=dial, quality=policy.quality)
            if lossy and len(lossy) < CLEARLY_SMALLER * len(cleaned):
                return
        if same := await encode(chunks, None, policy.effort, tools):
            yield Candidate(same, "webp lossless", lossless=True)


def dial_of(quality: int, effort: Effort) -> int:
    """cwebp's quality for Pare's."""
    sharp = "-sharp_yuv" in LOSSY[effort] and quality < 100
    return max(1, quality - SHARP_BONUS) if sharp else quality


def alpha_quality(quality: int) -> int:
    """The quality of the transparency beside colours of this quality: 100 keeps it exactly."""
    return 100 if quality == 100 else max(SOFTEST_ALPHA, quality - 5)


def lossy_options(quality: int, effort: Effort) -> tuple[str, ...]:
    """cwebp's arguments for one of Pare's qualities."""
    return ("-q", f"{dial_of(quality, effort)}", "-alpha_q", f"{alpha_quality(quality)}", *LOSSY[effort])


def quality_of(quantizer: float) -> int:
    """libwebp's own curve from quality to quantizer index, backwards; within 3 of what was asked from 80 on."""
    compression = float((1 - quantizer / 127) ** 3)
    return round(100 * (compression * 1.5 if compression < 0.5 else (compression + 1) / 2))


def pictures(chunks: Sequence[Chunk]) -> list[Picture]:
    """The still, or each frame of an animation; raises UnprocessableImage where a bitstream is broken or absent."""
    frames = [chunk for chunk in chunks if chunk.name == b"ANMF"]
    if not frames:
        return [_picture(chunks)]
    return [_picture(riff.walk(frame.data[FRAME_HEAD:], MAX_FRAME_CHUNKS)) for frame in frames]


def assemble(chunks: Sequence[Chunk]) -> bytes:
    """A file of these chunks, its feature flags put right; extended only where it has to be."""
    old = next((chunk.data for chunk in chunks if chunk.name == b"VP8X"), None)
    rest = sorted((chunk for chunk in chunks if chunk.name != b"VP8X"), key=_place)
    if any(chunk.name == b"ANMF" for chunk in rest):
        flags = (old or b"\0")[0] & ~(ICC_FLAG | EXIF_FLAG | XMP_FLAG)
        size = (old or b"")[4:10]
    else:
        header = _picture(rest).header
        flags = ALPHA_FLAG if header.alpha else 0
        size = (header.width - 1).to_bytes(3, "little") + (header.height - 1).to_bytes(3, "little")
    for chunk in rest:
        flags |= FLAGS.get(chunk.name, 0)
    if [chunk.name for chunk in rest] not in ([b"VP8 "], [b"VP8L"]):
        rest.insert(0, Chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size))
    return riff.build(FORM, rest)


def _place(chunk: Chunk) -> int:
    """Where the specification wants a chunk: profile, pixels, then EXIF, XMP and what is not known."""
    if chunk.name == b"ICCP":
        return 0
    return 1 if chunk.name in PICTURE else 2


def _picture(chunks: Iterable[Chunk]) -> Picture:
    parts = tuple(chunk for chunk in chunks if chunk.name in PIXELS)
    for chunk in parts:
        if chunk.name == b"VP8L":
            return Picture((chunk,), vp8.lossless_header(chunk.data))
        if chunk.name == b"VP8 ":
            return Picture(parts, vp8.lossy_header(chunk.data))
    raise UnprocessableImage("the WebP has no picture")


def _canvas(chunks: Sequence[Chunk], shown: Sequence[Picture]) -> tuple[int, int, bool]:
    """Width, height, and whether anything may be seen through."""
    extended = next((chunk.data for chunk in chunks if chunk.name == b"VP8X"), None)
    if extended is None:
        if any(chunk.name == b"ANMF" for chunk in chunks):
            raise UnprocessableImage("the WebP animation has no header")
        header = shown[0].header
        return header.width, header.height, header.alpha
    if len(extended) < 10:
        raise UnprocessableImage("the WebP header is broken")
    width, height = (int.from_bytes(extended[at : at + 3], "little") + 1 for at in (4, 7))
    return width, height, bool(extended[0] & ALPHA_FLAG)


def _loop(chunks: Iterable[Chunk]) -> int | None:
    data = next((chunk.data for chunk in chunks if chunk.name == b"ANIM"), b"")
    return int.from_bytes(data[4:6], "little") if len(data) >= 6 else None


def _exif(chunks: Iterable[Chunk]) -> words.Exif:
    data = next((chunk.data for chunk in chunks if chunk.name == b"EXIF"), b"")
    return words.parse_exif(data.removeprefix(EXIF_PREFIX))


def _cleaned(chunk: Chunk, *, keep_copyright: bool) -> tuple[list[Chunk], list[str]]:
    """What stays of a chunk, and the words for what went."""
    if chunk.name == b"EXIF":
        exif = words.parse_exif(chunk.data.removeprefix(EXIF_PREFIX))
        lean = words.lean_exif(exif, keep_copyright=keep_copyright)
        if lean == chunk.data:
            return [chunk], []
        lost = [words.COPYRIGHT] if exif.copyright and not keep_copyright else []
        return [Chunk(b"EXIF", lean)] if lean else [], [*exif.words, *lost]
    if chunk.name == b"ANMF":
        frame, parts = chunk.data[:FRAME_HEAD], riff.walk(chunk.data[FRAME_HEAD:], MAX_FRAME_CHUNKS)
        kept = [part for part in parts if part.name in PIXELS]
        if len(kept) == len(parts):
            return [chunk], []
        return [Chunk(b"ANMF", frame + b"".join(map(bytes, kept)))], [words.OTHER]
    if chunk.name in PICTURE:
        return [chunk], []
    return [], [words.XMP if chunk.name == b"XMP " else words.OTHER]


def _is_lossless_animation(chunks: Sequence[Chunk]) -> bool:
    shown = pictures(chunks)
    return len(shown) > 1 and all(picture.quality is None for picture in shown)


def _least_gain(picture: Picture, quality: int | None) -> float | None:
    """The share of its bytes that a new encode has to save; None where it is not worth trying."""
    if picture.quality is None:
        return 0
    return LEAST_GAIN if quality is not None and picture.quality > quality + MARGIN else None


async def _rewrite(chunks: Sequence[Chunk], quality: int | None, effort: Effort, tools: Toolbox) -> bytes | None:
    """The file with its pictures written anew where that pays, lossless without a quality; None where it never does."""
    options = LOSSLESS[effort] if quality is None else lossy_options(quality, effort)
    old = pictures(chunks)
    best = [await _smaller(picture, _least_gain(picture, quality), options, tools) for picture in old]
    if best == old:
        return None
    if not any(chunk.name == b"ANMF" for chunk in chunks):
        return assemble([*best[0].chunks, *(chunk for chunk in chunks if chunk.name not in (b"VP8X", *PIXELS))])
    frames = iter(best)
    return assemble([_frame(chunk, next(frames)) if chunk.name == b"ANMF" else chunk for chunk in chunks])


async def _smaller(picture: Picture, gain: float | None, options: Sequence[str], tools: Toolbox) -> Picture:
    """The picture as cwebp writes it, or as it is where that does not gain enough."""
    if gain is None:
        return picture
    written = await tools.run("cwebp", "-quiet", *options, "-o", "-", "--", "-", stdin=assemble(picture.chunks))
    try:
        new = _picture(riff.parse(written, FORM).chunks) if written else picture
    except UnprocessableImage:
        return picture
    return new if new.size < (1 - gain) * picture.size else picture


def _frame(old: Chunk, picture: Picture) -> Chunk:
    """An animation's frame with other pixels in the same place, for the same time."""
    return Chunk(b"ANMF", old.data[:FRAME_HEAD] + b"".join(map(bytes, picture.chunks)))


async def _animate(chunks: Sequence[Chunk], quality: int | None, effort: Effort, tools: Toolbox) -> bytes | None:
    """The animation with its frames cut and coded anew, everything around them as it was."""
    durations = [_duration(chunk) for chunk in chunks if chunk.name == b"ANMF"]
    written = await tools.call(encode_animation, riff.build(FORM, chunks), durations, quality, ANIMATION_METHOD[effort])
    if not written:
        return None
    new = riff.parse(written, FORM).chunks
    if [_duration(chunk) for chunk in new if chunk.name == b"ANMF"] != durations:
        return None  # equal frames were merged
    kept = [chunk for chunk in chunks if chunk.name not in (b"VP8X", b"ANMF")]
    return assemble([*kept, *(chunk for chunk in new if chunk.name in (b"VP8X", b"ANMF"))])


def encode_animation(data: bytes, durations: list[int], quality: int | None, method: int) -> bytes:
    """Run in an isolated worker: libwebp's animation encoder over every frame; lossless without a quality."""
    import io

    from PIL import Image

    options: dict[str, int | bool] = {"lossless": True, "quality": 75, "method": 4}
    if quality is not None:
        options = {"allow_mixed": True, "quality": quality, "alpha_quality": alpha_quality(quality), "method": method}
    out = io.BytesIO()
    with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
        image.save(out, "WEBP", save_all=True, minimize_size=True, duration=durations, **options)
    return out.getvalue()


def _duration(frame: Chunk) -> int:
    """Milliseconds an ANMF chunk is shown."""
    return int.from_bytes(frame.data[12:15], "little")
