"""What will be left of a TIFF, by how its first page is stored."""

from collections.abc import Mapping
from math import log

from optimizers.base import ImageInfo
from optimizers.policy import Policy
from optimizers.prediction import Coding, Fit, Head, Outlook, density
from utils.tiff_ifd import read

# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).
FITS: dict[str, Fit] = {
    # 3 rows, 0.0
    "deflated": Fit({"one": 0.0}, 0.0, 0.0),
    # 3 rows, 0.0
    "deflated seen": Fit({"one": 0.0}, 0.0, 0.0),
    # 6 rows, 1.1
    "kept": Fit({"one": -0.017}, -0.017, 0.0),
    # 15 rows, 9.7
    "lzw": Fit({"one": -0.432}, -0.278, 0.158),
    # 47 rows, 10.4
    "lzw seen": Fit({"one": -0.426}, -0.405, 0.18),
    # 58 rows, 25.8
    "raw": Fit({"one": 0.366, "pixels": -0.08}, -2.211, 0.202),
    # 24 rows, 4.5
    "raw seen": Fit({"one": -0.032, "drawn": 0.671, "edges": 0.604, "grain": 0.272}, -0.295, 0.083),
    # 98 rows, 12.0
    "unread": Fit({"one": -0.372}, -1.574, 0.253),
}
COMPRESSION, PREDICTOR = 259, 317
CASES = {1: "raw", 5: "lzw", 32773: "packbits", 8: "deflated", 32946: "deflated"}


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """Deflated where it is stored raw or in a weaker way."""
    tiff = read(head.padded)
    case = CASES.get(tiff.number(tiff.pages[0], COMPRESSION, 1), "kept")
    traits = {
        "density": density(head.size, info.width, info.height, info.frames),
        "pixels": log(info.width * info.height),
        "predicted": float(tiff.number(tiff.pages[0], PREDICTOR, 1) > 1),
        "bits": info.bit_depth / 8,
        **seen,
    }
    coding = Coding.RAW if case == "raw" else Coding.LOSSY if case == "kept" else Coding.EXACT
    packs = case in ("raw", "lzw", "packbits", "deflated")
    return Outlook(
        case + (" seen" if seen and packs else ""), head.size, traits, "deflate" if packs else "clean", coding
    )
