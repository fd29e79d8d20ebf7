"""What will be left of AVIF and HEIC: the metadata items that go are known to the byte."""

from collections.abc import Mapping
from math import log

from optimizers import heif
from optimizers.base import ImageInfo
from optimizers.policy import Policy
from optimizers.prediction import Coding, Fit, Head, Outlook, density, wanted_quality

# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).
FITS: dict[str, Fit] = {
    # 47 rows, factor 1.98
    "from exact": Fit({"one": 3.165, "detail": 0.382, "pixels": -0.449}, -1.975, 0.734),
    # 22 rows, factor 1.49
    "from exact seen": Fit({"one": 3.327, "detail": 1.475, "pixels": -0.173, "levels": -0.151}, -0.508, 0.358),
    # 23 rows, factor 1.38
    "from lossy": Fit({"one": 3.031, "detail": 0.943, "source": -4.394}, -0.437, 0.451),
    # 18 rows, factor 1.37
    "from lossy seen": Fit({"one": 1.485, "detail": 1.142, "source": -1.036, "pixels": -0.054}, -0.192, 0.287),
    # 18 rows, factor 1.98
    "from raw": Fit({"one": 1.364, "pixels": -0.316}, -1.787, 0.54),
    # 12 rows, factor 1.94
    "from raw seen": Fit({"one": -1.569}, -2.371, 0.409),
    # 72 rows, 0.2
    "kept": Fit({"one": 0.0}, 0.0, 0.0),
    # 36 rows, spare
    "unread": Fit({"one": 0.0}, -0.862, 0.004),
}


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """The same pictures without the items that go."""
    base = len(heif.clean(head.padded, policy.metadata).data)
    return Outlook("kept", base, _traits(info, base, policy, seen), coding=Coding.LOSSY)


def recoded(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """As `outlook`, of a format that is written anew where the request itself asks for it."""
    kept = outlook(info, head, policy, seen)
    if not policy.named or policy.lossless or info.frames > 1 or info.bit_depth > 8:
        return kept
    return Outlook("recoded" + (" seen" if seen else ""), kept.base, kept.traits, "aom", Coding.LOSSY)


def _traits(info: ImageInfo, base: int, policy: Policy, seen: Mapping[str, float]) -> dict[str, float]:
    return {
        "density": density(base, info.width, info.height, info.frames),
        "pixels": log(info.width * info.height),
        "quality": wanted_quality(policy) / 100,
        **seen,
    }
