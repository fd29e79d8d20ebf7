"""Stills as cwebp writes them: lossy, near-lossless (pixels rounded where that shows least) and lossless."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from exceptions import UnprocessableImage
from optimizers.base import Candidate, Encoder
from optimizers.look import opened
from optimizers.policy import Effort
from optimizers.toolbox import Toolbox
from optimizers.webp_dials import alpha_quality, dial_of
from utils.webp_chunks import parse, picture

LOSSY = {
    Effort.FAST: ("-m", "4"),
    Effort.BALANCED: ("-m", "6", "-sharp_yuv"),
    Effort.BEST: ("-m", "6", "-sharp_yuv", "-af"),
}
RESIZED = {**LOSSY, Effort.BALANCED: ("-m", "4", "-sharp_yuv")}
"""Of pictures at another size: method 6 takes half again as long for 3.5 % of the bytes."""
LOSSLESS = {
    Effort.FAST: ("-lossless", "-m", "4", "-q", "75"),
    Effort.BALANCED: ("-lossless", "-m", "4", "-q", "75"),
    Effort.BEST: ("-lossless", "-m", "6", "-q", "100"),
}
NEAR_LOSSLESS = ((90, 20), (95, 40), (98, 60), (100, 80))
"""Up to which quality which level of near-lossless does; drawings score 92 to 96 at the coarsest."""
NEAR_LOSSLESS_FROM = 90
FLAT_SHARE = {Effort.FAST: 0.85, Effort.BALANCED: 0.85, Effort.BEST: 0.5}
"""`flatness` from which pixels worth writing without (much) loss are drawn: screenshots have 0.83 to 0.97 and end at
half to three times the lossy bytes; products on white have up to 0.8 and end at five times, photographs at six."""
RICH_BITS = 1.5
"""Bits a pixel from which a lossy picture is in doubt: photographs at 80 take 0.2 to 1.4, colours too hard for
half-size planes 1.8 and more (and scored down to 59)."""
TINY = 1 << 16
"""Pixels up to which every way is tried."""

Finish = Callable[[bytes], bytes]
"""Puts a bare file's pixels where they belong."""


def lossy_options(quality: int, effort: Effort, *, resized: bool = False) -> tuple[str, ...]:
    """cwebp's arguments for one of Pare's qualities."""
    ways = RESIZED if resized else LOSSY
    return ("-q", f"{dial_of(quality, effort)}", "-alpha_q", f"{alpha_quality(quality)}", *ways[effort])


def flatness(data: bytes, decoder: str = "PNG") -> float:
    """The share of pixels that are as their left neighbour; runs in an isolated worker."""
    import numpy as np

    with opened(data, decoder) as image:
        packed = np.asarray(image.convert("RGBA")).view(np.uint32)[..., 0]
    return float((packed[:, 1:] == packed[:, :-1]).mean()) if packed.shape[1] > 1 else 1.0


async def looks_drawn(data: bytes, decoder: str, area: int, effort: Effort, tools: Toolbox) -> bool:
    """Whether writing it without loss may end smaller."""
    return area <= TINY or is_flat(await tools.call(flatness, data, decoder), effort)


def is_flat(share: float | None, effort: Effort) -> bool:
    """Whether pixels of this `flatness` are drawn."""
    return (share or 0.0) >= FLAT_SHARE[effort]


async def cwebp(file: bytes, options: Sequence[str], tools: Toolbox) -> bytes | None:
    """A bare file of a PNG's or a bare WebP's pixels; None where the tool failed."""
    written = await tools.run("cwebp", "-quiet", *options, "-o", "-", "--", "-", stdin=file)
    try:
        return written if written and picture(parse(written).chunks) else None
    except UnprocessableImage:
        return None


def lossy(
    file: bytes, finish: Finish, effort: Effort, tools: Toolbox, highest: int = 100, *, resized: bool = False
) -> Encoder:
    """VP8, by quality."""

    async def probe(png: bytes, quality: int) -> bytes | None:
        return await cwebp(png, lossy_options(quality, effort, resized=resized), tools)

    async def encode(quality: int) -> Candidate | None:
        made = await probe(file, quality)
        found = _candidate(finish, made, "webp", dial_of(quality, effort), quality)
        return replace(found, doubtful=_in_doubt(made)) if made and found else None

    return Encoder("webp", encode, probe, highest=highest)


def near_lossless(file: bytes, finish: Finish, effort: Effort, tools: Toolbox, *, spare: bool = False) -> Encoder:
    """VP8L of rounded pixels; even the roughest keeps high scores."""

    async def probe(png: bytes, quality: int) -> bytes | None:
        return await cwebp(png, ("-near_lossless", f"{_level(quality)}", *LOSSLESS[effort]), tools)

    async def encode(quality: int) -> Candidate | None:
        made = await probe(file, quality)
        return _candidate(finish, made, "webp near-lossless", _level(quality), quality)

    return Encoder("webp near-lossless", encode, probe, lowest=NEAR_LOSSLESS_FROM, spare=spare)


def lossless(file: bytes, finish: Finish, effort: Effort, tools: Toolbox) -> Encoder:
    """VP8L."""

    async def encode(quality: int) -> Candidate | None:
        made = await cwebp(file, LOSSLESS[effort], tools)
        return Candidate(finish(made), "webp lossless", lossless=True) if made else None

    return Encoder("webp lossless", encode, lossless=True)


def _level(quality: int) -> int:
    """How little near-lossless rounds, 0-100, for Pare's quality."""
    return next(level for up_to, level in NEAR_LOSSLESS if quality <= up_to)


def _in_doubt(made: bytes) -> bool:
    """Whether its bits say that colours were hard, or hidden colours may stain the rims of transparency."""
    shown = picture(parse(made).chunks)
    rich = 8 * len(made) > RICH_BITS * shown.header.width * shown.header.height
    return rich or any(chunk.name == b"ALPH" for chunk in shown.chunks)


def _candidate(finish: Finish, made: bytes | None, method: str, dial: int, quality: int) -> Candidate | None:
    return Candidate(finish(made), method, lossless=False, dial=dial, quality=quality) if made else None
