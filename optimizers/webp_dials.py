"""libwebp's quality, its dial: for Pare's, and as read from a file."""

from collections.abc import Sequence

from optimizers.policy import Effort, between
from utils.webp_chunks import Picture

PLAIN_DIALS = (
    (0, 0), (20, 10), (30, 25), (40, 35), (50, 45), (60, 55), (70, 68), (80, 80), (90, 89), (95, 95), (100, 100),
)  # fmt: skip
"""Pare's quality and libwebp's, fitted on 35 photographs and products; the score at it is off by 8, 5, 4 and 3 points
(mean absolute, at 40, 70, 80 and 90). Scores above 90 are beyond half-size colour planes: 100 means about 92."""
SHARP_DIALS = (
    (0, 0), (20, 10), (30, 23), (40, 33), (50, 43), (60, 53), (70, 66), (80, 78), (90, 88), (95, 93), (100, 100),
)  # fmt: skip
"""The same with sharp YUV, off by 8, 5, 4 and 2 points."""
DIALS = {Effort.FAST: PLAIN_DIALS, Effort.BALANCED: SHARP_DIALS, Effort.BEST: SHARP_DIALS}
SOFTEST_ALPHA = 75
"""Transparency's own quality: libwebp keeps 56 levels of it here, and below 70 so few that shadows show steps."""
MARGIN = 3
"""A lossy source is written anew where its dial is this much above the asked one: quantizers tell it to within 3, and
a file of our own would shrink, and fade, with every pass."""
LEAST_GAIN = 0.05
"""The share that a loss of a generation has to save."""


def dial_of(quality: int, effort: Effort) -> int:
    """cwebp's quality for Pare's."""
    return round(between(DIALS[effort], quality))


def plain_dial(quality: int) -> int:
    """The quality that libwebp at its defaults is set to for Pare's."""
    return round(between(PLAIN_DIALS, quality))


def quality_for_dial(dial: int) -> int:
    """Pare's quality for that of libwebp at its defaults."""
    return round(between([(d, q) for q, d in PLAIN_DIALS], dial))


def alpha_quality(quality: int) -> int:
    """The quality of the transparency beside colours of this quality: 100 keeps it exactly."""
    return 100 if quality == 100 else max(SOFTEST_ALPHA, quality - 5)


def dial_in(shown: Picture) -> int | None:
    """The quality that libwebp wrote it with; None where lossless."""
    return None if shown.header.quantizer is None else dial_for(shown.header.quantizer)


def dial_for(quantizer: float) -> int:
    """libwebp's own curve from quality to quantizer index, backwards; within 3 of what was asked from 80 on."""
    compression = float((1 - quantizer / 127) ** 3)
    return round(100 * (compression * 1.5 if compression < 0.5 else (compression + 1) / 2))


def source_dial(shown: Sequence[Picture]) -> int | None:
    """The finest lossy frame's dial; None where any frame is lossless."""
    dials = [dial_in(frame) for frame in shown]
    lossy = [dial for dial in dials if dial is not None]
    return max(lossy) if len(lossy) == len(dials) else None


def highest_quality(found: int | None) -> int:
    """The best quality for a source of this dial, 0 for none: nearer to it a generation of loss does not pay."""
    fine = (q for q in range(100, 0, -1) if found is None or plain_dial(q) + MARGIN < found)
    return next(fine, 0)
