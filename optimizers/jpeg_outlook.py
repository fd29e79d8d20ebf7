"""What will be left of a JPEG, by its header: its quantization tells what a coarser one will save."""

from collections.abc import Iterable, Mapping
from math import log

from optimizers.base import ImageInfo
from optimizers.policy import Metadata, Policy
from optimizers.prediction import Coding, Fit, Head, Outlook, density, wanted_quality
from utils.jpeg_segments import ADOBE, APP0, APP2, APP14, ICC, JFIF, Segment, frame_of, quantization_tables, read_header

FITS: dict[str, Fit] = {}
LUMA_COUNT = 36
"""Steps that are looked at: the highest frequencies are mostly zeros at any quality."""
FINER = 2
"""Points of quality above the wanted one from which a source is written anew."""


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """Written anew where it is finer than asked, else repacked."""
    segments = list(read_header(head.data))
    frame = frame_of(segments)
    base = head.size - (0 if policy.metadata is Metadata.ALL else _leaving(segments))
    quality = wanted_quality(policy)
    progressive = frame.process == 0xC2
    full_colour = len(frame.components) == 3 and all((c.h, c.v) == (1, 1) for c in frame.components)
    steps = sum(quantization_tables(segments).get(frame.components[0].table, ())[:LUMA_COUNT]) or 1
    traits = {
        "density": density(base, info.width, info.height),
        "fineness": -log(steps),
        "quality": quality / 100,
        "full_colour": float(full_colour),
        "progressive": float(progressive),
        "pixels": log(info.width * info.height),
        **seen,
    }
    finer = info.source_quality is None or info.source_quality > quality + FINER
    plain = frame.process in (0xC0, 0xC1, 0xC2) and frame.precision == 8 and len(frame.components) in (1, 3)
    recoded = plain and finer and not policy.lossless
    case = "recoded" if recoded else "progressive" if progressive else "baseline"
    return Outlook(case + (" seen" if seen else ""), base, traits, "cjpeg" if recoded else "jpegtran", Coding.LOSSY)


def _leaving(segments: Iterable[Segment]) -> int:
    """Bytes of metadata that cleaning takes away."""
    stay = (s.holds(APP2, ICC) or s.holds(APP14, ADOBE) or s.holds(APP0, JFIF) for s in segments)
    return sum(len(s) for s, stays in zip(segments, stay, strict=True) if s.is_metadata and not stays)
