"""The contract between the engine and a format's file: a format proposes, the engine disposes."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from optimizers import look
from optimizers.policy import Metadata, Policy
from optimizers.toolbox import Toolbox


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """What a format is, stated once; detection lists, `/health`, docs and file names derive from it."""

    name: str
    mime: str
    extensions: tuple[str, ...]
    decoder: str | None = None
    """Pillow's name of the only decoder that may open it; None where there are no pixels to decode."""
    tools: tuple[str, ...] = ()
    """Programs it runs, as found on PATH."""
    aliases: tuple[str, ...] = ()
    """Other spellings that callers use for `name`."""
    active: bool = False
    """Documents that could run or load something: the raw bytes are never handed back."""
    passthrough: bool = False
    """Nothing but cleaning can be done without loss."""


@dataclass(frozen=True, slots=True)
class Source:
    """The bytes as they came, and the name they came under (never trusted for the format)."""

    data: bytes
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header says; no pixel has been decoded."""

    width: int
    height: int
    frames: int = 1
    durations: tuple[int, ...] = ()
    """Milliseconds each frame is shown; empty for a still."""
    loop: int | None = None
    """How often an animation plays; 0 is for ever, None for a still or where the file does not say."""
    alpha: bool = False
    bit_depth: int = 8
    """Bits a channel."""
    orientation: int = 1
    """EXIF orientation, 1-8."""
    source_quality: int | None = None
    """The quality a lossy file was written with, on Pare's scale, where its own tables tell."""

    channels: int = 0
    """Of a decoded pixel; 0 for three, or four with alpha."""
    pages: tuple[int, ...] = ()
    """Pixels of each page, where they are not all of one size."""
    metadata: int = field(default=0, compare=False)
    """Bytes of text, EXIF, XMP and profiles, unpacked where they are packed; no part of what is to be seen."""

    @property
    def pixel_bytes(self) -> int:
        """What a decoded pixel takes in memory."""
        sample = 1 if self.bit_depth <= 8 else 2 if self.bit_depth <= 16 else self.bit_depth // 8
        return sample * (self.channels or (4 if self.alpha else 3))

    @property
    def displayed_size(self) -> tuple[int, int]:
        """Width and height after the orientation is applied."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The same picture without what the metadata policy (or safety) takes away: the fallback of every answer."""

    data: bytes
    removed: tuple[str, ...] = ()
    """What went, in the words of `utils/metadata.py`."""
    kept: tuple[str, ...] = ()
    """What should have gone and could not without loss."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One smaller file a format proposes; `dial` is the encoder's own quality setting."""

    data: bytes
    method: str
    lossless: bool
    dial: int | None = None
    quality: int | None = None
    """The quality asked for on Pare's scale; None where the pixels did not change."""


class Optimizer(ABC):
    """All that Pare knows of one format."""

    spec: ClassVar[FormatSpec]
    look: ClassVar[Callable[..., dict[str, Any]]] = staticmethod(look.raster)
    """Runs in an isolated worker: decodes the file and says what is to be seen (`optimizers/look.py`)."""

    @abstractmethod
    def sniff(self, head: bytes) -> bool:
        """Whether the first bytes (up to `SNIFF_BYTES`) are of this format."""

    @abstractmethod
    def inspect(self, data: bytes) -> ImageInfo:
        """Read the header, pure Python; raises UnprocessableImage where it is broken or cut short."""

    @abstractmethod
    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned | None:
        """The same picture without the metadata that has to go; None when a needed tool failed."""

    @staticmethod
    @abstractmethod
    def sample() -> bytes:
        """A tiny file of this format, for self-tests; runs in an isolated worker."""

    @abstractmethod
    def optimize(self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> AsyncIterator[Candidate]:
        """Propose smaller files of the cleaned picture, carrying over whatever metadata it still has."""


SNIFF_BYTES = 64 << 10
