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
    # 52 rows, 5.8
    "baseline": Fit({"one": -1.09, "density": 0.114, "pixels": 0.026, "fineness": -0.128}, -0.165, 0.074),
    # 54 rows, 4.5
    "baseline seen": Fit({"one": 0.028, "detail": 0.108, "grain": 0.24, "coarser": -0.098}, -0.129, 0.046),
    # 74 rows, factor 1.62
    "from exact": Fit({"one": 0.837, "detail": 0.279, "pixels": -0.246}, -0.747, 1.222),
    # 86 rows, factor 1.51
    "from exact seen": Fit({"one": -0.006, "detail": 1.124}, -1.393, 0.765),
    # 53 rows, factor 1.92
    "from lossy": Fit({"one": -1.92, "detail": 0.323}, -0.866, 0.734),
    # 39 rows, factor 1.38
    "from lossy seen": Fit({"one": 0.485, "drawn": 1.216, "grain": -1.24, "pixels": -0.029}, -0.516, 0.572),
    # 41 rows, factor 1.69
    "from raw": Fit({"one": 1.87, "pixels": -0.374, "detail": 0.329}, -0.877, 0.742),
    # 17 rows, factor 1.60
    "from raw seen": Fit(
        {"one": 2.071, "detail": 0.763, "grain": -3.801, "edges": -2.416, "drawn": 0.546}, -0.711, 0.793
    ),
    # 29 rows, 0.7
    "progressive": Fit({"one": 0.0}, -0.137, 0.0),
    # 30 rows, 0.7
    "progressive seen": Fit({"one": 0.0}, -0.129, 0.0),
    # 249 rows, 6.8
    "recoded": Fit(
        {"one": -4.979, "fineness": -0.473, "quality": 2.133, "full_colour": -0.099, "progressive": 0.139},
        -0.373,
        0.247,
    ),
    # 249 rows, 5.2
    "recoded seen": Fit(
        {
            "one": -2.645,
            "coarser": 0.77,
            "full_colour": -0.128,
            "quality": 2.112,
            "progressive": 0.108,
            "fineness": -0.115,
        },
        -0.243,
        0.155,
    ),
    # 333 rows, 16.3
    "unread": Fit({"one": -0.224}, -1.486, 0.167),
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
    return Outlook(case + (" seen" if seen else ""), base, traits, "cjpeg" if recoded else "jpegtran", Coding.LOSSY)


def _leaving(segments: Iterable[Segment]) -> int:
    """Bytes of metadata that cleaning takes away."""
    stay = (s.holds(APP2, ICC) or s.holds(APP14, ADOBE) or s.holds(APP0, JFIF) for s in segments)
    return sum(len(s) for s, stays in zip(segments, stay, strict=True) if s.is_metadata and not stays)
