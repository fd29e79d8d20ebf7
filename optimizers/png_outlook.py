"""What will be left of a PNG, by its first chunks: few colours for photographs and screens, packing for the rest."""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import log

from exceptions import UnprocessableImage
from optimizers.base import ImageInfo
from optimizers.policy import Metadata, Policy
from optimizers.prediction import Fit, Head, Outlook, density, wanted_quality
from utils.png_chunks import INDEXED, SIGNATURE, Chunk, join, parse_header

# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).
FITS: dict[str, Fit] = {
    # 104 rows, 5.1
    "colours": Fit({"one": -1.222, "alpha": -0.301}, -0.516, 0.27),
    # 63 rows, 5.3
    "colours seen": Fit({"one": -1.391, "alpha": -0.359, "quality": 1.814, "pixels": -0.1}, -0.445, 0.137),
    # 3 rows, 1.9
    "film": Fit({"one": -0.028}, -0.028, 0.0),
    # 3 rows, 1.9
    "film seen": Fit({"one": -0.028}, -0.028, 0.0),
    # 30 rows, factor 6.06
    "from exact": Fit({"one": -3.12}, -3.986, 2.661),
    # 7 rows, factor 2.26
    "from exact seen": Fit({"one": 0.502, "flat": -2.209, "detail": 0.67}, -2.067, 1.466),
    # 125 rows, factor 1.86
    "from lossy": Fit({"one": 2.906, "detail": 0.793, "source": -3.413}, -1.242, 0.772),
    # 110 rows, factor 1.31
    "from lossy seen": Fit({"one": 0.589, "drawn": 1.225}, -0.322, 0.37),
    # 19 rows, factor 2.74
    "from raw": Fit({"one": -1.988}, -1.573, 2.002),
    # 11 rows, factor 1.24
    "from raw seen": Fit({"one": 1.393, "drawn": 1.082, "pixels": -0.097}, -0.34, 0.316),
    # 73 rows, 5.3
    "indexed": Fit({"one": -0.13, "density": -0.04, "pixels": -0.025, "quality": 0.391}, -0.062, 0.087),
    # 17 rows, 1.8
    "indexed seen": Fit({"one": 0.0}, -0.17, 0.0),
    # set by hand: too few to be fitted
    "steps seen": Fit({"one": 0.0}, -0.05, 0.0),
    # 133 rows, 15.4
    "unread": Fit({"one": -0.348}, -1.422, 0.3),
}
PIXELS = (b"IDAT", b"fdAT")
STAY = {
    b"IHDR",
    b"PLTE",
    b"tRNS",
    b"iCCP",
    b"sRGB",
    b"gAMA",
    b"cHRM",
    b"cICP",
    b"sBIT",
    b"pHYs",
    b"bKGD",
    b"acTL",
    b"fcTL",
}
MANY, STEPS = 256, 48
"""Colours that no palette holds; levels of a channel that no photograph comes with."""
LOSSLESS_FROM, INDEXED_BELOW = 95, 60


def head_chunks(data: bytes) -> Iterator[Chunk]:
    """The chunks up to the first with pixels, that one as far as it is there; raises UnprocessableImage."""
    at = len(SIGNATURE)
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunk = Chunk(kind, data[at + 8 : at + 8 + length])
        yield chunk
        if kind in PIXELS:
            return
        at += 12 + length
    raise UnprocessableImage("the PNG header is cut short")


def closed(head: bytes) -> bytes:
    """A whole file of the first bytes of one: its pixels end where they do, and an animation with its first frame."""
    chunks = list(head_chunks(head))
    frames = sum(chunk.type == b"fcTL" for chunk in chunks)
    counted = [replace(c, data=struct.pack(">I", frames) + c.data[4:]) if c.type == b"acTL" else c for c in chunks]
    return join([*(counted if frames else [c for c in chunks if c.type != b"acTL"]), Chunk(b"IEND", b"")])


def _is_stepped(traits: Mapping[str, float]) -> bool:
    """Whether its shades have been brought to few levels and packed hard, as this service does with photographs."""
    return bool(
        traits["hard"] and traits["single"] and log(MANY) < traits.get("shades", 0) and traits["levels"] < log(STEPS)
    )


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """Fewer colours where they may be lost, else repacked."""
    chunks = list(head_chunks(head.data))
    header, pixels = parse_header(chunks[0].data), chunks[-1].data
    gone = 0 if policy.metadata is Metadata.ALL else sum(12 + len(c.data) for c in chunks[:-1] if c.type not in STAY)
    base = head.size - gone
    quality = wanted_quality(policy)
    palette = sum(len(c.data) // 3 for c in chunks if c.type == b"PLTE") if header.colour == INDEXED else 0
    first_length = struct.unpack_from(">I", head.data, head.data.find(b"IDAT") - 4)[0]
    traits = {
        "density": density(base, info.width, info.height, info.frames),
        "pixels": log(info.width * info.height),
        "quality": quality / 100,
        "alpha": float(info.alpha),
        "deep": float(info.bit_depth > 8),
        "grey": float(header.grey),
        "palette": log(max(palette, 1)),
        "hard": float(len(pixels) > 1 and pixels[1] >> 6 == 3),
        "single": float(first_length > 0.9 * base),
        **seen,
    }
    lossy = not policy.lossless and quality < LOSSLESS_FROM and header.depth >= 8
    if info.loop is not None:
        case = "film"
    elif header.colour == INDEXED:
        case = "indexed"
    else:
        case = ("steps" if _is_stepped(traits) else "colours") if lossy else "packed"
    return Outlook(case + (" seen" if seen else ""), base, traits, "pngquant+oxipng" if case == "colours" else "oxipng")
