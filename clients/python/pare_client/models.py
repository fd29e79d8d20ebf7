"""What the service answers, typed. Sizes are bytes; what a newer service says beyond it is kept in `raw`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Optimized:
    """An image that came back, with what its headers say."""

    data: bytes = field(repr=False)
    content_type: str
    filename: str | None
    original_size: int
    optimized_size: int
    reduction_percent: float
    original_format: str
    optimized_format: str
    method: str
    reason: str
    width: int
    height: int
    quality_used: int | None
    score: float | None
    """SSIMULACRA2 against the original, where it was measured."""
    removed: tuple[str, ...]
    """Metadata that went."""
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a result was put."""

    path: str
    url: str
    public_url: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was done to an image that was put into a store."""

    original_size: int
    optimized_size: int
    reduction_percent: float
    original_format: str
    optimized_format: str
    method: str
    reason: str
    width: int
    height: int
    score: float | None
    stored: Stored | None
    raw: Document = field(repr=False)

    @classmethod
    def of(cls, said: Document) -> Self:
        """From the service's JSON."""
        storage = said.get("storage")
        return cls(
            said["original_size"],
            said["optimized_size"],
            said["reduction_percent"],
            said["original_format"],
            said["optimized_format"],
            said["method"],
            said["reason"],
            said["width"],
            said["height"],
            said.get("score"),
            Stored(storage["path"], storage["url"], storage.get("public_url")) if storage else None,
            said,
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """What optimizing would leave of an image."""

    original_size: int
    original_format: str
    estimated_size: int
    estimated_format: str
    estimated_reduction_percent: float
    low: float
    high: float
    """The true reduction lies between these, in percent, for four images of five."""
    confidence: str
    already_optimized: bool
    method: str
    formats: Mapping[str, int]
    """Bytes that conversions would give."""
    width: int | None
    height: int | None
    raw: Document = field(repr=False)

    @classmethod
    def of(cls, said: Document) -> Self:
        """From the service's JSON."""
        return cls(
            said["original_size"],
            said["original_format"],
            said["estimated_size"],
            said["estimated_format"],
            said["estimated_reduction_percent"],
            said["interval"]["low"],
            said["interval"]["high"],
            said["confidence"],
            said["already_optimized"],
            said["method"],
            said["formats"],
            said["width"],
            said["height"],
            said,
        )


@dataclass(frozen=True, slots=True)
class Health:
    """What works there."""

    ok: bool
    version: str
    formats: tuple[str, ...]
    """Those that work."""
    raw: Document = field(repr=False)

    @classmethod
    def of(cls, said: Document) -> Self:
        """From the service's JSON."""
        works = tuple(name for name, known in said["formats"].items() if known["works"])
        return cls(said["status"] == "ok", said["version"], works, said)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What lets a browser send an image without a key."""

    ticket: str = field(repr=False)
    expires_at: str
    url: str = field(repr=False)
    """Where it is sent to; begins at the service's own address."""


@dataclass(frozen=True, slots=True)
class Upload:
    """An image that is being worked on."""

    job_id: str
    image_id: str
    status_url: str


@dataclass(frozen=True, slots=True)
class Job:
    """How far it is."""

    job_id: str
    image_id: str
    status: str
    """`pending`, `processing`, `retrying`, `completed` or `failed`."""
    error: str | None
    attempts: int
    created_at: str | None
    completed_at: str | None
    raw: Document = field(repr=False)

    @property
    def done(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ("completed", "failed")

    @classmethod
    def of(cls, said: Document) -> Self:
        """From the service's JSON."""
        return cls(
            said["job_id"],
            said["image_id"],
            said["status"],
            said.get("error"),
            said.get("attempts", 0),
            said.get("created_at"),
            said.get("completed_at"),
            said,
        )


@dataclass(frozen=True, slots=True)
class Variant:
    """One size of an image."""

    url: str
    width: int
    height: int
    format: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class JobResult:
    """An image in all its sizes."""

    image_id: str
    variants: Mapping[str, Variant]
    dominant_color: str | None
    raw: Document = field(repr=False)

    @classmethod
    def of(cls, said: Document) -> Self:
        """From the service's JSON."""
        urls, metadata = said["urls"], said["metadata"]
        variants = {
            name: Variant(urls[name], known["width"], known["height"], known["format"], known["size_bytes"])
            for name, known in metadata["variants"].items()
        }
        return cls(said["image_id"], variants, metadata.get("dominant_color"), said)
