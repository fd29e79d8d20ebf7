"""What will be left of a WebP: its own quantizer says whether it will be written anew."""

from collections.abc import Iterator, Mapping
from math import log

from optimizers.base import ImageInfo
from optimizers.policy import Metadata, Policy
from optimizers.prediction import Coding, Fit, Head, Outlook, density, wanted_quality
from utils import riff
from utils.riff import Chunk

# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).
FITS: dict[str, Fit] = {
    # 53 rows, 13.2
    "exact": Fit({"one": 0.826, "density": -0.418, "pixels": -0.2}, -1.093, 0.229),
    # 3 rows, 19.5
    "exact film": Fit({"one": -0.223}, -0.463, 0.0),
    # 3 rows, 19.5
    "exact film seen": Fit({"one": -0.223}, -0.463, 0.0),
    # 53 rows, 8.7
    "exact seen": Fit({"one": 0.155, "grain": -2.23, "shades": -0.139, "alpha": 0.43}, -0.888, 0.239),
    # 41 rows, 8.6
    "finer": Fit({"one": 1.252, "source": -2.057, "alpha": 0.112}, -0.25, 0.158),
    # 1 rows, 17.5
    "finer film": Fit({"one": -0.193}, -0.193, 0.0),
    # 1 rows, 17.5
    "finer film seen": Fit({"one": -0.193}, -0.193, 0.0),
    # 41 rows, 4.4
    "finer seen": Fit(
        {"one": 2.023, "grain": -0.971, "source": -2.004, "pixels": -0.049, "drawn": -0.13, "flat": -0.358},
        -0.135,
        0.112,
    ),
    # 38 rows, factor 1.83
    "from exact": Fit({"one": 4.364, "pixels": -0.528, "detail": 0.244}, -1.206, 0.651),
    # 23 rows, factor 1.28
    "from exact seen": Fit({"one": 1.447, "detail": 1.856, "edges": -1.733}, -0.342, 0.562),
    # 28 rows, factor 1.84
    "from lossy": Fit({"one": -1.124, "detail": 0.64}, -1.3, 0.795),
    # 13 rows, factor 1.18
    "from lossy seen": Fit({"one": 1.006, "detail": 1.404, "source": -0.727}, -0.127, 0.522),
    # 12 rows, factor 2.59
    "from raw": Fit({"one": -2.116}, -2.099, 0.936),
    # 12 rows, factor 1.30
    "from raw seen": Fit({"one": 0.623, "detail": 1.522}, -0.653, 0.424),
    # 128 rows, 0.0
    "kept": Fit({"one": 0.0}, 0.0, 0.0),
    # 162 rows, spare
    "unread": Fit({"one": 0.0}, -1.906, 0.0),
}
FINER = 3
LEAVING = (b"EXIF", b"XMP ")


def head_chunks(data: bytes) -> Iterator[tuple[Chunk, int]]:
    """The chunks of the head and how long each is in the file, the last one perhaps cut short."""
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield Chunk(data[at : at + 4], data[at + 8 : at + 8 + length]), length
        at += 8 + length + (length & 1)


def announces_film(head: bytes) -> bool:
    """Whether there is an ANIM chunk."""
    return any(chunk.name == b"ANIM" for chunk, _ in head_chunks(head))


def closed(head: bytes) -> bytes:
    """A whole file of the first bytes of one: its last picture ends where they do."""
    return riff.build(b"WEBP", (_closed(chunk) for chunk, _ in head_chunks(head)))


def _closed(chunk: Chunk) -> Chunk:
    if chunk.name != b"ANMF":
        return chunk
    parts = [part for part, _ in head_chunks(bytes(12) + chunk.data[16:])]
    return Chunk(chunk.name, chunk.data[:16] + b"".join(map(bytes, parts)))


def stays(info: ImageInfo, quality: float) -> bool:
    """Whether a lossy picture is no finer than asked."""
    return info.source_quality is not None and info.source_quality <= quality + FINER


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """Written anew where it is finer than asked; a lossy one that is not stays as it is."""
    gone = 0
    if policy.metadata is not Metadata.ALL:
        gone = sum(8 + length for chunk, length in head_chunks(head.data) if chunk.name in LEAVING)
    base = head.size - gone
    quality = wanted_quality(policy)
    exact, film = info.source_quality is None, bool(info.durations)
    traits = {
        "density": density(base, info.width, info.height, info.frames),
        "pixels": log(info.width * info.height),
        "quality": quality / 100,
        "source": (info.source_quality or 100) / 100,
        "above": ((info.source_quality or 100) - quality) / 100,
        "alpha": float(info.alpha),
        **seen,
    }
    coding = Coding.EXACT if exact else Coding.LOSSY
    if policy.lossless:
        return Outlook("packed" if exact else "kept", base, traits, "webp lossless", coding)
    if stays(info, quality):
        return Outlook("kept", base, traits, "clean", coding)
    case = ("exact" if exact else "finer") + (" film" if film else "")
    return Outlook(case + (" seen" if seen else ""), base, traits, "webp", coding)
