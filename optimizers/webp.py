"""WebP: stills go through cwebp, animations frame by frame or through libwebp; chunks are cleaned by byte work."""

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

from optimizers import webp_animations as animations
from optimizers import webp_outlook
from optimizers import webp_stills as stills
from optimizers.base import Candidate, Cleaned, Encoder, FormatSpec, ImageInfo, Pixels, Target
from optimizers.policy import Effort, Metadata, Policy
from optimizers.prediction import Head, wanted_quality
from optimizers.samples import still
from optimizers.toolbox import Toolbox
from optimizers.webp_dials import LEAST_GAIN, dial_in, highest_quality, quality_for_dial, source_dial
from utils import metadata as words
from utils import riff
from utils.riff import Chunk
from utils.webp_chunks import (
    EXIF_PREFIX,
    FORM,
    FRAME_HEAD,
    MAX_FRAME_CHUNKS,
    PICTURE,
    PIXELS,
    assemble,
    canvas,
    duration,
    exif_of,
    frames,
    labelled,
    parse,
    picture,
    pictures,
    plays,
)

CLEARLY_SMALLER = 0.9


class Webp(Target):
    """Lossy, lossless and animated WebP."""

    spec = FormatSpec("webp", "image/webp", ("webp",), decoder="WEBP", tools=("cwebp",))
    rank = 1
    outlook = staticmethod(webp_outlook.outlook)
    fits = webp_outlook.FITS
    holds_animation = True
    trait = staticmethod(stills.flatness)

    @staticmethod
    def sample() -> bytes:
        return still("WEBP", quality=100)

    def sniff(self, head: bytes) -> bool:
        return head[:4] == b"RIFF" and head[8:12] == FORM

    def inspect(self, data: bytes) -> ImageInfo:
        chunks = parse(data).chunks
        shown = pictures(chunks)
        width, height, alpha = canvas(chunks, shown)
        moving = frames(chunks)
        animated = len(moving) > 1
        dial = source_dial(shown)
        return ImageInfo(
            width,
            height,
            frames=len(shown),
            durations=tuple(map(duration, moving)) if animated else (),
            loop=plays(chunks) if animated else None,
            alpha=alpha,
            orientation=exif_of(chunks).orientation,
            source_quality=None if dial is None else quality_for_dial(dial),
            metadata=sum(len(chunk.data) for chunk in chunks if chunk.name not in PICTURE or chunk.name == b"ICCP"),
        )

    def inspect_head(self, head: Head) -> ImageInfo:
        """Of as many frames as there are."""
        return self.inspect(head.data if head.whole else webp_outlook.closed(head.data))

    def counts_frames(self, head: Head) -> bool:
        """Not where more frames may follow."""
        return head.whole or not webp_outlook.announces_film(head.data)

    async def sketch(self, data: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Mapping[str, float] | None:
        """None of what stays as it is."""
        stays = webp_outlook.stays(info, wanted_quality(policy)) and not policy.targets
        return None if stays else await super().sketch(data, info, policy, tools)

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned:
        if metadata is Metadata.ALL:
            return Cleaned(data)
        file = parse(data)
        kept: list[Chunk] = []
        removed = [words.OTHER] if file.trailing else []
        for chunk in file.chunks:
            stays, gone = _cleaned(chunk, keep_copyright=metadata is Metadata.SAFE)
            kept += stays
            removed += gone
        return Cleaned(assemble(kept), tuple(dict.fromkeys(removed))) if removed else Cleaned(data)

    async def recoders(self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """The still's pixels by cwebp, near-lossless too where they are drawn; an animation as a whole."""
        chunks, effort = parse(cleaned).chunks, policy.effort
        shown = pictures(chunks)
        highest = highest_quality(source_dial(shown))
        if not highest:
            return ()
        if frames(chunks):
            return (animations.recoder(chunks, effort, tools, highest),)
        bare = assemble(shown[0].chunks)
        finish = partial(_graft, chunks)
        found = _lossy(bare, finish, policy, tools, alpha=info.alpha, highest=highest)
        area = info.width * info.height
        if dial_in(shown[0]) is None:
            drawn = await stills.looks_drawn(bare, "WEBP", area, effort, tools)
            if drawn or policy.goal is not None:
                found.append(stills.near_lossless(bare, finish, effort, tools, spare=not drawn))
        return found

    async def encoders(self, pixels: Pixels, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """Lossy; near-lossless and lossless beside it where the picture is drawn or loss may be too much."""
        finish = partial(labelled, icc=pixels.icc, exif=pixels.exif)
        if pixels.durations:
            # What takes least time comes first: of a long film it may be all that there is time for.
            lossy = animations.lossy(pixels, finish, policy.effort, tools)
            if policy.effort is Effort.FAST and not policy.lossless:
                return (lossy,)
            return animations.lossless(pixels, finish, tools), lossy
        png, area = pixels.frames[0], pixels.width * pixels.height
        found = _lossy(png, finish, policy, tools, alpha=pixels.alpha, resized=pixels.resized)
        small = area <= stills.TINY and not pixels.resized
        drawn = small or stills.is_flat(await pixels.ask(stills.flatness, tools), policy.effort)
        if drawn or policy.goal is not None:
            found.append(stills.near_lossless(png, finish, policy.effort, tools, spare=not drawn))
        if drawn or policy.lossless:
            found.append(stills.lossless(png, finish, policy.effort, tools))
        return found

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        chunks, quality = parse(cleaned).chunks, policy.quality
        best = len(cleaned)
        for encoder in [] if policy.lossless else await self.recoders(cleaned, info, policy, tools):
            if quality > encoder.highest:
                continue
            lossy = await encoder.encode(quality)
            if lossy and len(lossy.data) < (1 - LEAST_GAIN) * len(cleaned):
                best = min(best, len(lossy.data))
                yield lossy
        if best > CLEARLY_SMALLER * len(cleaned) and (same := await _lossless(chunks, policy.effort, tools)):
            yield Candidate(same, "webp lossless", lossless=True)


def _lossy(
    file: bytes,
    finish: stills.Finish,
    policy: Policy,
    tools: Toolbox,
    *,
    alpha: bool,
    highest: int = 100,
    resized: bool = False,
) -> list[Encoder]:
    """One way; where a search will tell and something is transparent, two: sharp YUV mixes hidden colours into rims."""
    efforts = (policy.effort, Effort.FAST) if alpha and policy.seeks else (policy.effort,)
    return [stills.lossy(file, finish, effort, tools, highest, resized=resized) for effort in dict.fromkeys(efforts)]


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


async def _lossless(chunks: Sequence[Chunk], effort: Effort, tools: Toolbox) -> bytes | None:
    """The file with its lossless pictures written anew; None where there are none, or none gets smaller."""
    if frames(chunks):
        return await animations.losslessly(chunks, effort, tools)
    shown = picture(chunks)
    if dial_in(shown) is not None:
        return None
    made = await stills.cwebp(assemble(shown.chunks), stills.LOSSLESS[effort], tools)
    return _graft(chunks, made) if made and len(made) < len(assemble(shown.chunks)) else None


def _graft(chunks: Sequence[Chunk], made: bytes) -> bytes:
    """A bare file's pixels among the other chunks of a still."""
    return assemble([*picture(parse(made).chunks).chunks, *(c for c in chunks if c.name not in (b"VP8X", *PIXELS))])
