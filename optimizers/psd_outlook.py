"""What will be left of a Photoshop document: its resources that go are known, a raw composite packs."""

from collections.abc import Mapping
from contextlib import suppress

from optimizers.base import ImageInfo
from optimizers.policy import Metadata, Policy
from optimizers.prediction import Coding, Fit, Head, Outlook
from utils.psd_sections import lean_resources, read

# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).
FITS: dict[str, Fit] = {
    # 18 rows, 0.0
    "kept": Fit({"one": 0.0}, 0.0, 0.0),
    # 9 rows, spare
    "unread": Fit({"one": 0.0}, -1.016, 0.851),
}


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """The layers as they are, the composite packed where it is raw."""
    document = read(head.padded)
    lean = document.resources
    if policy.metadata is not Metadata.ALL:
        with suppress(ValueError):
            lean, _ = lean_resources(document.resources, keep_copyright=policy.metadata is Metadata.SAFE)
    base = head.size - len(document.resources) + len(lean)
    raw = head.whole and document.coding == 0 and document.depth == 8
    traits = {"composite": len(document.composite) / head.size}
    return Outlook("raw" if raw else "kept", base, traits if raw else {}, "packbits" if raw else "clean", Coding.RAW)
