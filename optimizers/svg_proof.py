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
BOLD = 1_500
"""Steps along the longer side: points move by up to a third of a pixel on a screen of 1000."""
USUAL, SAFE = (4_000, 12_000), 40_000
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
    bold = (BOLD,) if tidy["whole"] and policy.effort is not Effort.FAST else ()
    for steps in (*bold, *USUAL, SAFE):
        made = await tools.call(rounded, tidy["data"], steps)
        points = await _score(drawing, made, tools) if made else None
        if made and points is not None and points >= wanted:
            return made, points
        if points is None:
            made = await tools.call(rounded, tidy["data"], SAFE)
            return (made, None) if made else None
    return None


async def _score(drawing: bytes, made: bytes, tools: Toolbox) -> float | None:
    """How near one version comes to the drawing; None where they cannot be rendered in time."""
    try:
        async with asyncio.timeout(SECONDS):
            found = await tools.call(score.scores, drawing, DECODER, [made], DECODER, 0)
    except (UnprocessableImage, TimeoutError):
        return None
    return found[0] if found else None
