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
    # 53 rows, 13.9
    "exact": Fit({"one": 1.343, "density": -0.429, "pixels": -0.224, "above": -1.18}, -1.058, 0.341),
    # 3 rows, 18.9
    "exact film": Fit({"one": -0.223}, -0.437, 0.0),
    # 3 rows, 18.9
    "exact film seen": Fit({"one": -0.223}, -0.437, 0.0),
    # 53 rows, 9.3
    "exact seen": Fit(
        {"one": 0.616, "grain": -2.873, "shades": -0.103, "alpha": 0.352, "above": -2.505}, -0.918, 0.198
    ),
    # 41 rows, 9.1
    "finer": Fit({"one": 1.393, "source": -2.216, "alpha": 0.117}, -0.245, 0.15),
    # 1 rows, 16.2
    "finer film": Fit({"one": -0.177}, -0.177, 0.0),
    # 1 rows, 16.2
    "finer film seen": Fit({"one": -0.177}, -0.177, 0.0),
    # 41 rows, 4.3
    "finer seen": Fit(
        {
            "one": 2.28,
            "grain": -0.987,
            "pixels": -0.056,
            "source": -2.28,
            "drawn": -0.151,
            "flat": -0.427,
            "shades": 0.008,
        },
        -0.164,
        0.114,
    ),
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
    if not exact and (info.source_quality or 0) <= quality + FINER:
        return Outlook("kept", base, {}, "clean", coding)
    case = ("exact" if exact else "finer") + (" film" if film else "")
    return Outlook(case + (" seen" if seen else ""), base, traits, "webp", coding)
