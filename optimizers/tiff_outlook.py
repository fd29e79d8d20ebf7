"""What will be left of a TIFF, by how its first page is stored."""

from collections.abc import Mapping
from math import log

from optimizers.base import ImageInfo
from optimizers.policy import Policy
from optimizers.prediction import Coding, Fit, Head, Outlook, density
from utils.tiff_ifd import read

FITS: dict[str, Fit] = {}
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
