"""What will be left of AVIF and HEIC: the metadata items that go are known to the byte."""

from collections.abc import Mapping
from math import log

from optimizers import heif
from optimizers.base import ImageInfo
from optimizers.policy import Policy
from optimizers.prediction import Coding, Fit, Head, Outlook, density, wanted_quality

# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).
FITS: dict[str, Fit] = {
    # 40 rows, factor 2.19
    "from exact": Fit({"one": 4.609, "pixels": -0.613}, -1.964, 1.038),
    # 26 rows, factor 1.41
    "from exact seen": Fit({"one": 2.492, "detail": 1.404, "pixels": -0.183}, -0.485, 0.423),
    # 79 rows, factor 1.70
    "from lossy": Fit({"one": -0.693, "detail": 0.467, "pixels": -0.091}, -0.809, 0.631),
    # 74 rows, factor 1.26
    "from lossy seen": Fit(
        {"one": 1.812, "detail": 1.342, "source": -0.955, "grain": 0.732, "pixels": -0.087}, -0.267, 0.314
    ),
    # 7 rows, factor 2.12
    "from raw": Fit({"one": 4.789, "pixels": -0.726, "detail": 0.513}, -1.019, 0.869),
    # 9 rows, factor 1.69
    "from raw seen": Fit({"one": 2.217, "detail": 1.343, "pixels": -0.171}, -0.622, 1.172),
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
