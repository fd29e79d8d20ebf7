"""What will be left of a bitmap: a photograph stays, few colours become a palette and runs."""

from collections.abc import Mapping
from math import log

from optimizers.base import ImageInfo
from optimizers.policy import Policy
from optimizers.prediction import Coding, Fit, Head, Outlook
from utils.bmp_sections import read

# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).
FITS: dict[str, Fit] = {
    # 60 rows, 9.2
    "24 bit": Fit({"one": 0.0}, -4.188, 0.0),
    # 6 rows, 1.7
    "24 bit few": Fit({"one": 0.9, "drawn": 1.333}, -0.518, 0.928),
    # 18 rows, 0.0
    "24 bit many": Fit(
        {"one": 0.0, "detail": 0.0, "drawn": 0.0, "edges": -0.0, "flat": 0.0, "grain": 0.0, "levels": 0.0}, 0.0, 0.0
    ),
    # 3 rows, 0.0
    "32 bit": Fit({"one": 0.0}, 0.0, 0.0),
    # 3 rows, 0.0
    "32 bit many": Fit({"one": 0.0}, 0.0, 0.0),
    # 2 rows, 0.0
    "small": Fit({"one": 0.0}, 0.0, 0.0),
    # 46 rows, spare
    "unread": Fit({"one": 0.0}, -4.41, 0.0),
}


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """By bits a pixel, and where they were seen by the colours."""
    bitmap = read(head.padded)
    case = "small" if bitmap.bits <= 8 else f"{bitmap.bits} bit"
    traits = {"pixels": log(info.width * info.height), **seen}
    if "shades" in seen and bitmap.bits > 8:
        case += " few" if seen["shades"] <= log(256) else " many"
    return Outlook(case, head.size, traits, "palette", Coding.RAW)
