"""Animations: lossy ones have each frame written anew in its own place; the others, and the frames of other formats,
go through libwebp's animation encoder, which finds smaller differences between frames."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

from optimizers.base import Candidate, Encoder, Pixels
from optimizers.look import opened
from optimizers.policy import Effort
from optimizers.toolbox import Toolbox
from optimizers.webp_dials import LEAST_GAIN, MARGIN, alpha_quality, dial_in, dial_of, plain_dial
from optimizers.webp_stills import LOSSLESS as STILL_LOSSLESS
from optimizers.webp_stills import Finish, cwebp, lossy_options
from utils.riff import Chunk
from utils.webp_chunks import (
    DISPOSE_FLAG,
    FRAME_HEAD,
    NO_BLEND_FLAG,
    Picture,
    assemble,
    duration,
    frames,
    parse,
    picture,
    pictures,
    with_pixels,
)

METHOD = {Effort.FAST: 4, Effort.BALANCED: 4, Effort.BEST: 6}
"""Lossless animations stay at 4: 6 takes a hundred times the CPU for 1 % of the bytes."""
LOSSLESS = {"lossless": True, "quality": 75, "method": 4}


def lossy(pixels: Pixels, finish: Finish, effort: Effort, tools: Toolbox) -> Encoder:
    """Every frame lossy or lossless, whichever is smaller."""

    async def encode(quality: int) -> Candidate | None:
        made = await _written(pixels, _lossy_options(quality, effort), tools)
        if made is None:
            return None
        return Candidate(finish(made), "webp", lossless=False, dial=plain_dial(quality), quality=quality)

    return Encoder("webp", encode)


def lossless(pixels: Pixels, finish: Finish, tools: Toolbox) -> Encoder:
    """Every frame lossless."""

    async def encode(quality: int) -> Candidate | None:
        made = await _written(pixels, LOSSLESS, tools)
        return Candidate(finish(made), "webp lossless", lossless=True) if made else None

    return Encoder("webp lossless", encode, lossless=True)


def recoder(chunks: Sequence[Chunk], effort: Effort, tools: Toolbox, highest: int) -> Encoder:
    """A WebP animation written anew: as a whole where it was lossless, else frame by frame."""
    drawn = all(dial_in(frame) is None for frame in pictures(chunks))
    write = rewritten if drawn else frame_by_frame

    async def encode(quality: int) -> Candidate | None:
        made = await write(chunks, quality, effort, tools)
        dial = plain_dial(quality) if drawn else dial_of(quality, effort)
        return Candidate(made, "webp", lossless=False, dial=dial, quality=quality) if made else None

    return Encoder("webp", encode, highest=highest)


async def losslessly(chunks: Sequence[Chunk], effort: Effort, tools: Toolbox) -> bytes | None:
    """A WebP animation with the same pixels; None where it has no lossless frame that could be smaller."""
    drawn = all(dial_in(frame) is None for frame in pictures(chunks))
    return await (rewritten if drawn else frame_by_frame)(chunks, None, effort, tools)


async def frame_by_frame(chunks: Sequence[Chunk], quality: int | None, effort: Effort, tools: Toolbox) -> bytes | None:
    """Each frame in its own place, by cwebp, where that pays; lossless without a quality; None where it never does."""
    old = pictures(chunks)
    best = [await _smaller(shown, quality, effort, tools) for shown in old]
    new = iter(best)
    if best == old:
        return None
    return assemble([with_pixels(chunk, next(new)) if chunk.name == b"ANMF" else chunk for chunk in chunks])


async def _smaller(shown: Picture, quality: int | None, effort: Effort, tools: Toolbox) -> Picture:
    """The picture as cwebp writes it, or as it is where that is no smaller or a generation of loss for little."""
    dial = dial_in(shown)
    if dial is not None and (quality is None or dial <= plain_dial(quality) + MARGIN):
        return shown
    options = STILL_LOSSLESS[effort] if quality is None else lossy_options(quality, effort)
    made = await cwebp(assemble(shown.chunks), options, tools)
    new = picture(parse(made).chunks) if made else shown
    return new if new.size < (1 if dial is None else 1 - LEAST_GAIN) * shown.size else shown


async def rewritten(chunks: Sequence[Chunk], quality: int | None, effort: Effort, tools: Toolbox) -> bytes | None:
    """A WebP animation with its frames cut and coded anew, everything around them as it was; lossless by default."""
    durations = [duration(frame) for frame in frames(chunks)]
    options = LOSSLESS if quality is None else _lossy_options(quality, effort)
    written = await tools.call(encode_file, assemble(chunks), durations, options)
    new = retimed(parse(written).chunks, durations) if written else None
    if new is None:
        return None
    kept = [chunk for chunk in chunks if chunk.name not in (b"VP8X", b"ANMF")]
    return assemble([*kept, *(chunk for chunk in new if chunk.name in (b"VP8X", b"ANMF"))])


def encode_file(data: bytes, durations: list[int], options: dict[str, Any]) -> bytes:
    """The animation in a file written anew; runs in an isolated worker."""
    with opened(data, "WEBP") as image:
        return _saved(image, durations, options)


def encode_frames(pictures: list[bytes], durations: list[int], loop: int, options: dict[str, Any]) -> bytes:
    """An animation of PNG frames; runs in an isolated worker."""
    from PIL import Image

    first, *rest = (Image.open(io.BytesIO(picture), formats=["PNG"]) for picture in pictures)
    return _saved(first, durations, {**options, "append_images": rest, "loop": loop, "background": (0, 0, 0, 0)})


def retimed(chunks: Iterable[Chunk], durations: Sequence[int]) -> list[Chunk] | None:
    """The animation with as many frames as there are durations; None where they do not add up.

    libwebp shows frames that are (nearly) equal as one: each of the others is put back as a frame of nothing.
    """
    new: list[Chunk] = []
    at = 0
    for chunk in chunks:
        if chunk.name != b"ANMF":
            new.append(chunk)
            continue
        end = at + 1
        while end < len(durations) and sum(durations[at:end]) < duration(chunk):
            end += 1
        if sum(durations[at:end]) != duration(chunk):
            return None
        new += _split(chunk, durations[at:end])
        at = end
    return new if at == len(durations) else None


def _split(frame: Chunk, durations: Sequence[int]) -> list[Chunk]:
    """One frame as several in its place, of which only the first shows anything new."""
    if len(durations) == 1:
        return [frame]
    head, flags = frame.data[:12], frame.data[15] & ~DISPOSE_FLAG
    width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (6, 9))
    parts = [frame.data[FRAME_HEAD:], *[bytes(_nothing(width, height))] * (len(durations) - 1)]
    heads = [bytes([flags]), *[bytes([flags & ~NO_BLEND_FLAG])] * (len(durations) - 1)]
    heads[-1] = bytes([heads[-1][0] | frame.data[15] & DISPOSE_FLAG])
    return [
        Chunk(b"ANMF", head + time.to_bytes(3, "little") + flag + part)
        for time, flag, part in zip(durations, heads, parts, strict=True)
    ]


def _nothing(width: int, height: int) -> Chunk:
    """A transparent picture: a VP8L bitstream whose every code has one symbol, so that pixels take no bits."""
    bits, at = 0x2F, 8
    # Size, alpha, version, no transform, no colour cache, no meta codes; then five codes of one symbol, 0.
    fields = [(width - 1, 14), (height - 1, 14), (1, 1), (0, 3), (0, 1), (0, 1), (0, 1), *[(0b0001, 4)] * 5]
    for value, count in fields:
        bits |= value << at
        at += count
    return Chunk(b"VP8L", bits.to_bytes(-(-at // 8), "little"))


async def _written(pixels: Pixels, options: dict[str, Any], tools: Toolbox) -> bytes | None:
    durations = list(pixels.durations)
    loop = 0 if pixels.loop is None else pixels.loop
    written = await tools.call(encode_frames, list(pixels.frames), durations, loop, options)
    new = retimed(parse(written).chunks, durations) if written else None
    return assemble(new) if new else None


def _lossy_options(quality: int, effort: Effort) -> dict[str, Any]:
    softest = alpha_quality(quality)
    dial = plain_dial(quality)
    return {"allow_mixed": True, "quality": dial, "alpha_quality": softest, "method": METHOD[effort]}


def _saved(image: Any, durations: list[int], options: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", save_all=True, minimize_size=True, duration=durations, **options)
    return out.getvalue()
