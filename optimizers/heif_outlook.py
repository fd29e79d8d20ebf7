"""What will be left of AVIF and HEIC: the metadata items that go are known to the byte."""

from collections.abc import Mapping
from math import log

from optimizers import heif
from optimizers.base import ImageInfo
from optimizers.policy import Policy
from optimizers.prediction import Coding, Fit, Head, Outlook, density, wanted_quality

# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).
FITS: dict[str, Fit] = {
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
