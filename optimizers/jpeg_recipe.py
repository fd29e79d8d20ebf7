"""How a picture is written as JPEG: by jpegli or MozJPEG, with half-size or full-size colour, and each one's dials."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from optimizers.base import Probe
from optimizers.look import opened
from optimizers.policy import Effort, Policy, between
from optimizers.toolbox import Toolbox
from utils.jpeg_segments import Frame, Segment, quantization_tables

CJPEGLI, CJPEG = "cjpegli", "cjpeg"
DIALS = {
    (CJPEGLI, True): (
        (0, 3),
        (20, 11),
        (30, 17),
        (40, 23),
        (50, 30),
        (60, 40),
        (70, 55),
        (80, 70),
        (90, 85),
        (100, 97),
    ),
    (CJPEGLI, False): (
        ((0, 3), (20, 10), (30, 16), (40, 20), (50, 27), (60, 34), (70, 47), (80, 63), (90, 81), (95, 88), (100, 97))
    ),
    (CJPEG, True): (
        ((0, 5), (20, 20), (30, 27), (40, 33), (50, 40), (60, 48), (70, 60), (80, 72), (90, 85), (95, 90), (100, 97))
    ),
    (CJPEG, False): (
        ((0, 5), (20, 19), (30, 26), (40, 30), (50, 37), (60, 45), (70, 56), (80, 69), (90, 82), (95, 87), (100, 97))
    ),
}
"""Pare's quality and the dial that typically scores the same, by tool and whether colour planes are halved.

The mean over 24 JPEG and 10 PNG photographs, cjpegli without adaptive quantization, cjpeg with table 2, no trellis.
"""
TRELLIS_DIALS = 3
"""Dials that trellis quantization has to be set higher to score the same."""
EDGY_SHARE = 0.5
"""Share of the way to 100 that the dial is raised where colour has hard edges."""
COARSE_ENOUGH = 2
"""Dials within which a source counts as written with the asked quality: less is not worth a generation of loss."""
CHROMA_CONTRAST = 7.0
"""`chroma_contrast` from which half-size colour planes show: photographs stay below 5, coloured text is above 10."""
FULL_COLOUR_QUALITY = 94
"""Quality from which a source with full-size colour planes keeps them."""
FULL_COLOUR_RIVAL = 85
"""Quality from which full-size colour planes are often smaller for the score, so that a search tries both."""
SMALL_FILE = 4000
"""Bytes below which a baseline file may be smaller than a progressive one, by up to 70."""

LUMA_COUNT = 36
"""Luma steps, the first in zigzag order, by whose sum a table counts as coarse."""
CJPEG_SUM = 1249
"""That sum in cjpeg's table 2 at dial 50."""
CJPEGLI_SUMS = ((36, 100), (134, 95), (246, 90), (1416, 30), (1964, 20), (3234, 10), (5003, 1))
"""That sum in cjpegli's table for halved colour, and the dial that writes it."""
CJPEGLI_FULL = 1.22
"""How much finer its table otherwise is."""
FLAT = 2.0
"""Growth of the steps from low to high frequencies below which a table is like jpegli's; Annex K's is 3.7."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What of a picture decides how it is written."""

    grey: bool = False
    full_colour: bool = True
    """Whether the source's colour planes are of full size."""
    edgy: bool = False
    """Whether half-size colour planes would show."""


@dataclass(frozen=True, slots=True)
class Made:
    """A bare file and what wrote it."""

    data: bytes
    tool: str
    dial: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """One tool, set for one picture."""

    tool: str
    halved: bool
    """Whether the colour planes are of half size."""
    traits: Traits
    effort: Effort

    def dial(self, quality: float) -> int:
        """The tool's quality for Pare's."""
        trellis = self.tool == CJPEG and self.effort is Effort.BEST
        dial = between(DIALS[self.tool, self.halved], quality) + (TRELLIS_DIALS if trellis else 0)
        return round(min(100, dial + (EDGY_SHARE * (100 - dial) if self.traits.edgy else 0)))

    def highest(self, source: float | None) -> int:
        """The best quality for a source of this one, 0 for none: nearer to it a generation of loss does not pay."""
        written = 100 + COARSE_ENOUGH if source is None else between(DIALS[self.tool, self.halved], source)
        return next((q for q in range(100, 0, -1) if self.dial(q) + COARSE_ENOUGH < written), 0)

    async def encode(self, picture: bytes, quality: int, tools: Toolbox) -> Made | None:
        """A bare file of a bare JPEG or PNM; where cjpegli is missing or fails, cjpeg's."""
        dial = self.dial(quality)
        data = await (self._cjpegli if self.tool == CJPEGLI else self._cjpeg)(picture, str(dial), tools)
        if data is None and self.tool == CJPEGLI:
            return await replace(self, tool=CJPEG).encode(picture, quality, tools)
        return Made(data, self.tool, dial) if data else None

    async def _cjpegli(self, picture: bytes, dial: str, tools: Toolbox) -> bytes | None:
        """Adaptive quantization, made for another score, costs 1-5 % of the bytes at equal SSIMULACRA2."""
        planes = "420" if self.halved else "444"
        args = ("-", "-", "--quiet", "--noadaptive_quantization", f"--chroma_subsampling={planes}", "-q", dial)
        progressive = await tools.run(CJPEGLI, *args, stdin=picture)
        return await smaller(progressive, tools, CJPEGLI, *args, "-p", "0", stdin=picture)

    async def _cjpeg(self, picture: bytes, dial: str, tools: Toolbox) -> bytes | None:
        trellis = () if self.effort is Effort.BEST else ("-notrellis",)
        crush = ("-fastcrush",) if self.effort is Effort.FAST else ()
        args = ("-quality", dial, "-quant-table", "2", "-sample", "2x2" if self.halved else "1x1", *trellis)
        progressive = await tools.run(CJPEG, *args, "-optimize", "-progressive", *crush, stdin=picture)
        return await smaller(progressive, tools, CJPEG, *args, "-baseline", stdin=picture)

    def probe(self, tools: Toolbox) -> Probe:
        """Trials over PNG pixels."""

        async def probe(png: bytes, quality: int) -> bytes | None:
            picture = png if self.tool == CJPEGLI else await tools.call(to_pnm, png)
            made = await self.encode(picture, quality, tools) if picture else None
            return made.data if made else None

        return probe


async def smaller(progressive: bytes | None, tools: Toolbox, tool: str, *baseline: str, stdin: bytes) -> bytes | None:
    """A progressive file, or, of a small picture, a baseline one where that is smaller."""
    if progressive is None or len(progressive) >= SMALL_FILE:
        return progressive
    return min(filter(None, (progressive, await tools.run(tool, *baseline, stdin=stdin))), key=len)


def likely(traits: Traits, quality: float, effort: Effort) -> Recipe:
    """What is smallest at equal score on nearly all pictures; jpegli's coarse blue ruins text in colour."""
    if traits.edgy:
        return Recipe(CJPEG, False, traits, effort)
    whole = traits.grey or (traits.full_colour and quality >= FULL_COLOUR_QUALITY)
    return Recipe(CJPEGLI, not whole, traits, effort)


def rivals(traits: Traits, policy: Policy) -> list[Recipe]:
    """Recipes worth a search, the likely winner first; at best effort all that ever win."""
    first = likely(traits, policy.nominal, policy.effort)
    other_tool = replace(first, tool=CJPEGLI if first.tool == CJPEG else CJPEG)
    other_planes = replace(first, halved=not first.halved)
    match policy.effort:
        case Effort.BEST if traits.grey:
            return [first, other_tool]
        case Effort.BEST:
            return [first, other_planes, other_tool, replace(other_tool, halved=other_planes.halved)]
        case Effort.BALANCED if traits.edgy:
            return [first, other_tool]
        case Effort.BALANCED if not traits.grey and policy.nominal >= FULL_COLOUR_RIVAL:
            return [first, other_planes]
    return [first]


def source_quality(segments: Sequence[Segment], frame: Frame) -> float | None:
    """Pare's quality at which a table as coarse as this file's own is written; None without a table."""
    steps = quantization_tables(segments).get(frame.components[0].table)
    total = sum(steps[:LUMA_COUNT]) if steps else 0
    if not steps or not total:
        return None
    halved = len(frame.components) > 1 and frame.components[0].h * frame.components[0].v > 1
    if sum(steps[28:36]) < FLAT * sum(steps[6:14]):
        tool, dial = CJPEGLI, between(CJPEGLI_SUMS, total * (1 if halved else CJPEGLI_FULL))
    else:
        percent = 100 * total / CJPEG_SUM
        tool, dial = CJPEG, (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return between([(d, q) for q, d in DIALS[tool, halved]], dial)


def chroma_contrast(data: bytes, decoder: str = "PNG") -> float:
    """How hard the edges of colour are: root mean square in 8-bit steps over 2 x 2 of a quarter-size view."""
    with opened(data, decoder) as image:
        image.draft(None, (max(1, image.width // 4), max(1, image.height // 4)))
        return _contrast(image)


def to_pnm(png: bytes) -> bytes:
    """Opaque PNG pixels as cjpeg reads them."""
    with opened(png, "PNG") as image:
        return _pnm(image.convert("RGB"))


def drawn(png: bytes, may_be_grey: bool = True) -> dict[str, Any]:
    """Opaque PNG pixels as `pnm`, with one sample each where all are grey, and their `contrast` of colour."""
    with opened(png, "PNG") as image:
        picture = image.convert("RGB")
    red, green, blue = picture.split()
    if may_be_grey and red.tobytes() == green.tobytes() == blue.tobytes():
        return {"pnm": _pnm(red), "contrast": 0.0, "grey": True}
    return {"pnm": _pnm(picture), "contrast": _contrast(picture.reduce(4)), "grey": False}


def _contrast(view: Any) -> float:
    import numpy as np

    planes = np.asarray(view.convert("YCbCr"), dtype=np.float32)[..., 1:]
    height, width = planes.shape[0] // 2, planes.shape[1] // 2
    if not height or not width:
        return 0.0
    samples = planes[: 2 * height, : 2 * width] - 128
    rows = samples[::2] + samples[1::2]
    sums = rows[:, ::2] + rows[:, 1::2]
    spread = float(np.vdot(samples, samples)) - float(np.vdot(sums, sums)) / 4
    return float(np.sqrt(max(0.0, spread) / (4 * height * width)))


def _pnm(picture: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PPM")
    return out.getvalue()
