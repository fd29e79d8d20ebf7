"""What will be left of a bitmap: a photograph stays, few colours become a palette and runs."""

from collections.abc import Mapping
from math import log

from optimizers.base import ImageInfo
from optimizers.policy import Policy
from optimizers.prediction import Coding, Fit, Head, Outlook
from utils.bmp_sections import read

FITS: dict[str, Fit] = {}


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """By bits a pixel, and where they were seen by the colours."""
    bitmap = read(head.padded)
    case = "small" if bitmap.bits <= 8 else f"{bitmap.bits} bit"
    traits = {"pixels": log(info.width * info.height), **seen}
    if "shades" in seen and bitmap.bits > 8:
        case += " few" if seen["shades"] <= log(256) else " many"
    return Outlook(case, head.size, traits, "palette", Coding.RAW)
