"""The smallest version of a drawing that looks the same: made on ever finer grids, rendered, scored."""

import asyncio

from exceptions import UnprocessableImage
from optimizers import score
from optimizers.policy import Effort, Policy
from optimizers.svg_render import DECODER
from optimizers.svg_shrink import rounded, tidied
from optimizers.toolbox import Toolbox

SAME = 95.0
"""Score from which two renderings are taken for one drawing."""
GRIDS = (8_000, 12_500, 20_000, 40_000, 63_000, 100_000, 400_000)
"""Steps along the longer side to try: a point moves by at most half of one, an eighth of a pixel on 2000."""
SAFE = 100_000
"""The boldest of a drawing that one rendering does not show whole, and what nothing can render gets."""
USUAL = 12_500
"""The grid that most drawings end on."""
FEW = (20_000, SAFE)
SECONDS = 10.0
"""What rendering and scoring one version may take; filters can take for ever."""


async def smallest(drawing: bytes, policy: Policy, tools: Toolbox) -> tuple[bytes, float | None] | None:
    """The smallest version of a sanitized document that scores enough, with its score; None where there is none.

    What cannot be rendered is put on the finest grid, without a score.
    """
    tidy = await tools.call(tidied, drawing)
    if tidy is None:
        return None
    wanted = max(SAME, policy.min_score or 0)
    grids = [steps for steps in (FEW if policy.effort is Effort.FAST else GRIDS) if tidy["whole"] or steps >= SAFE]
    best, low, high, middle = None, 0, len(grids), 1
    while low < high:
        made = await tools.call(rounded, tidy["data"], grids[middle])
        points = await _score(drawing, made, tools) if made else None
        if made is None or points is None:
            return best or await _unproven(tidy["data"], tools)
        if points < wanted:
            low = middle + 1
        else:
            best, high = (made, points), middle
        middle = (low + high) // 2
    return best


async def _unproven(tidy: bytes, tools: Toolbox) -> tuple[bytes, None] | None:
    made = await tools.call(rounded, tidy, SAFE)
    return (made, None) if made else None


async def _score(drawing: bytes, made: bytes, tools: Toolbox) -> float | None:
    """How near one version comes to the drawing; None where they cannot be rendered in time."""
    try:
        async with asyncio.timeout(SECONDS):
            found = await tools.call(score.scores, drawing, DECODER, [made], DECODER, 0)
    except (UnprocessableImage, TimeoutError):
        return None
    return found[0] if found else None
