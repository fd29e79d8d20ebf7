"""What will be left of a JPEG, by its header: its quantization tells what a coarser one will save."""

import io
from collections.abc import Iterable, Mapping
from math import log
from typing import Any

from optimizers.base import ImageInfo
from optimizers.look import opened
from optimizers.policy import Metadata, Policy
from optimizers.prediction import Coding, Fit, Head, Outlook, density, wanted_quality
from optimizers.sketch import part_of, traits_of
from utils.jpeg_segments import (
    ADOBE,
    APP0,
    APP2,
    APP14,
    FRAME_MARKERS,
    ICC,
    JFIF,
    Segment,
    frame_of,
    quantization_tables,
    read_header,
)

# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).
FITS: dict[str, Fit] = {
    # 52 rows, 6.4
    "baseline": Fit({"one": -0.163, "density": 0.101, "pixels": 0.019}, -0.163, 0.082),
    # 54 rows, 4.1
    "baseline seen": Fit(
        {"one": -1.46, "flat": -0.169, "levels": 0.31, "fineness": 0.051, "grain": 0.101}, -0.102, 0.041
    ),
    # 66 rows, factor 1.95
    "from exact": Fit({"one": 1.479, "detail": 0.288, "pixels": -0.289}, -0.966, 1.377),
    # 49 rows, factor 1.48
    "from exact seen": Fit({"one": 0.33, "detail": 1.267}, -0.465, 0.701),
    # 55 rows, factor 1.62
    "from lossy": Fit({"one": 1.6, "detail": 0.752, "source": -2.768}, -0.964, 0.843),
    # 39 rows, factor 1.45
    "from lossy seen": Fit({"one": 0.227, "drawn": 1.239, "grain": -1.483}, -0.551, 0.571),
    # 15 rows, factor 1.90
    "from raw": Fit({"one": 3.471, "pixels": -0.525, "detail": 0.784}, -0.892, 0.914),
    # 13 rows, factor 1.82
    "from raw seen": Fit({"one": 0.606, "detail": 1.02}, -1.051, 0.404),
    # 28 rows, 0.6
    "progressive": Fit({"one": 0.013, "density": 0.007}, -0.012, 0.005),
    # 29 rows, 0.6
    "progressive seen": Fit({"one": 0.0, "flat": -0.012}, -0.011, 0.006),
    # 250 rows, 7.3
    "recoded": Fit({"one": -4.228, "fineness": -0.517, "pixels": -0.069, "quality": 2.02}, -0.465, 0.253),
    # 250 rows, 5.4
    "recoded seen": Fit(
        {
            "one": -2.299,
            "coarser": 0.695,
            "pixels": -0.063,
            "quality": 2.112,
            "full_colour": -0.091,
            "fineness": -0.195,
        },
        -0.248,
        0.209,
    ),
    # 333 rows, 19.9
    "unread": Fit({"one": -0.246}, -1.468, 0.211),
}
LUMA_COUNT = 36
"""Steps that are looked at: the highest frequencies are mostly zeros at any quality."""
TRIAL_QUALITY = 75
TRIAL_OVERHEAD = 400
PART_PIXELS = 400_000
PROGRESSIVE = 0xC2
SPARE = 64 << 10
FINER = 2
"""Points of quality above the wanted one from which a source is written anew."""


def upper_part(data: bytes) -> bytes:
    """A file whose header has so few rows that they have `PART_PIXELS`: a decoder stops there."""
    header = list(read_header(data))
    segment = next(s for s in header if s.marker in FRAME_MARKERS)
    frame = frame_of(header)
    rows = max(16, PART_PIXELS // frame.width // 16 * 16)
    if rows >= frame.height:
        return data
    scan = header[-1].end
    # One scan after the other, or rows from top to bottom: of the latter twice their share of the bytes will do.
    enough = len(data) if frame.process == PROGRESSIVE else scan + 2 * rows * (len(data) - scan) // frame.height + SPARE
    return data[: segment.offset + 1] + rows.to_bytes(2) + data[segment.offset + 3 : enough]


def sketch_coarser(data: bytes, decoder: str) -> dict[str, float]:
    """As `sketch`, with what a coarser quantization saves."""
    with opened(data, decoder) as image:
        part = part_of(image)
        own, coarser = (_trial(part, **o) for o in ({"qtables": image.quantization}, {"quality": TRIAL_QUALITY}))
    return {**traits_of(part), "coarser": log(coarser / own)}


def _trial(part: Any, **options: Any) -> float:
    out = io.BytesIO()
    part.save(out, "JPEG", subsampling=2, optimize=True, **options)
    return max(50, out.tell() - TRIAL_OVERHEAD)


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """Written anew where it is finer than asked, else repacked."""
    segments = list(read_header(head.data))
    frame = frame_of(segments)
    base = head.size - (0 if policy.metadata is Metadata.ALL else _leaving(segments))
    quality = wanted_quality(policy)
    progressive = frame.process == PROGRESSIVE
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
    plain = frame.process in (0xC0, 0xC1, PROGRESSIVE) and frame.precision == 8 and len(frame.components) in (1, 3)
    recoded = plain and finer and not policy.lossless
    case = "recoded" if recoded else "progressive" if progressive else "baseline"
    return Outlook(case + (" seen" if seen else ""), base, traits, "cjpegli" if recoded else "jpegtran", Coding.LOSSY)


def _leaving(segments: Iterable[Segment]) -> int:
    """Bytes of metadata that cleaning takes away."""
    stay = (s.holds(APP2, ICC) or s.holds(APP14, ADOBE) or s.holds(APP0, JFIF) for s in segments)
    return sum(len(s) for s, stays in zip(segments, stay, strict=True) if s.is_metadata and not stays)
