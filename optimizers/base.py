"""The contract between the engine and a format's file: a format proposes, the engine disposes."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from optimizers import look, pixels
from optimizers.policy import Metadata, Policy
from optimizers.prediction import UNREAD, Fit, Head, Outlook, Prediction, conversion, foretell
from optimizers.sketch import SKETCH_BYTES, SKETCH_PIXELS, sketch
from optimizers.toolbox import Toolbox
from utils.worker import name_of

T = TypeVar("T")


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
    coding: str = ""
    """HTTP's name of the coding around it: a page shows it when the answer says so."""
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
    doubtful: bool = False
    """Whether the encoder's own figures leave doubt that it looks well: the engine then takes a measured look."""
    score: float | None = None
    """SSIMULACRA2 against the original, where measured."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded picture, upright: what a conversion starts from."""

    frames: tuple[bytes, ...]
    """PNG, 8 bits a channel, RGB or RGBA, the whole canvas, without metadata."""
    width: int
    height: int
    alpha: bool = False
    durations: tuple[int, ...] = ()
    """Milliseconds each frame is shown; empty for a still."""
    loop: int | None = None
    icc: bytes = b""
    """The RGB profile its colours are in; empty for sRGB."""
    exif: bytes = b""
    """What the metadata policy lets the result keep, as a TIFF block."""
    resized: bool = False
    """Whether they were made at another size: for a page that waits, which will ask for more of them."""
    told: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What functions that were run where the pixels were made say of the first frame, by their names as in a call."""

    async def ask(self, function: Callable[[bytes], T], tools: Toolbox) -> T | None:
        """What a function says of the first frame, in a worker where it was not asked yet; None if it failed."""
        name = name_of(function)
        return self.told[name] if name in self.told else await tools.call(function, self.frames[0])


Probe = Callable[[bytes, int], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class Encoder:
    """One way of writing one picture, at any of Pare's qualities."""

    method: str
    encode: Callable[[int], Awaitable[Candidate | None]]
    """A finished file at a quality; None where the tool failed or declined."""
    probe: Probe | None = None
    """A bare file of PNG pixels at a quality: for trials on a part of the picture, where that tells of the whole."""
    highest: int = 100
    """The best quality worth trying: past the source's own, bytes are spent on its flaws."""
    lossless: bool = False
    """Writes every pixel as it is; the quality is not looked at."""
    lowest: int = 1
    """The least quality worth trying: below it the file gets no smaller."""
    dial: Callable[[int], int] | None = None
    """The tool's setting for a quality, where several qualities share one."""
    finish: Callable[[Candidate], Awaitable[Candidate | None]] | None = None
    """Packs the file that was chosen as well as can be, every pixel as it is; None where all of them are."""
    spare: bool = False
    """Far larger than the others at the same score: tried where none of them reaches it."""


class Optimizer(ABC):
    """All that Pare knows of one format."""

    spec: ClassVar[FormatSpec]
    vector: ClassVar[bool] = False
    """Drawings have no quality to search for: they prove themselves, and every byte less is worth it."""

    look: ClassVar[Callable[..., dict[str, Any]]] = staticmethod(look.raster)
    """Runs in an isolated worker: decodes the file and says what is to be seen (`optimizers/look.py`)."""

    decode: ClassVar[Callable[..., dict[str, Any]]] = staticmethod(pixels.decode)
    """Runs in an isolated worker: the pixels, upright, for a conversion (`optimizers/pixels.py`)."""

    on_pages: ClassVar[bool] = True
    """Whether it is for web pages as it is."""

    fits: ClassVar[Mapping[str, Fit]] = {}
    """What was left of other files, by what was done to them (`benchmarks/estimate.py` writes it)."""

    @abstractmethod
    def sniff(self, head: bytes) -> bool:
        """Whether the first bytes (up to `SNIFF_BYTES`) are of this format."""

    @abstractmethod
    def inspect(self, data: bytes) -> ImageInfo:
        """Read the header, pure Python; raises UnprocessableImage where it is broken or cut short."""

    def inspect_head(self, head: Head) -> ImageInfo:
        """As `inspect`, of a file whose end is missing; an animation may have more frames than are found."""
        return self.inspect(head.padded)

    def counts_frames(self, head: Head) -> bool:
        """Whether these first bytes tell how many frames there are."""
        return True

    async def sketch(self, data: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Mapping[str, float] | None:
        """Traits that the header does not tell, within 20 ms of CPU; None where that does not pay."""
        if self.spec.decoder is None or info.width * info.height > SKETCH_PIXELS or len(data) > SKETCH_BYTES:
            return None
        return await tools.call(sketch, data, self.spec.decoder)

    @staticmethod
    def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
        """What bears on how much will be left, by the header and, where one was made, a sketch."""
        return Outlook("clean", head.size)

    def predict(self, info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Prediction:
        """What will be left of a file in its own format."""
        return foretell(self.outlook(info, head, policy, seen), self.fits, most=head.size)

    def predict_unread(self, head: Head) -> Prediction:
        """The same where the header is out of reach."""
        return foretell(Outlook(UNREAD, head.size), self.fits, most=head.size)

    @abstractmethod
    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned | None:
        """The same picture without the metadata that has to go; None when a needed tool failed."""

    @staticmethod
    @abstractmethod
    def sample() -> bytes:
        """A tiny file of this format, for self-tests; runs in an isolated worker."""

    async def recoders(self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """Lossy ways of writing the cleaned picture anew, the likeliest winner first, as many as the effort affords.

        None of them where a loss makes no sense: `policy.quality` is where a search would start.
        """
        return ()

    @abstractmethod
    def optimize(self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> AsyncIterator[Candidate]:
        """Propose smaller files of the cleaned picture, carrying over whatever metadata it still has."""


class Target(Optimizer):
    """A format that can also be written from pixels alone: a target of conversions."""

    holds_alpha: ClassVar[bool] = True
    alpha_is_mask: ClassVar[bool] = False
    """Whether a pixel is either seen or not."""
    holds_animation: ClassVar[bool] = False
    tick: ClassVar[int] = 1
    """Milliseconds of which a frame is shown a whole number."""
    trait: ClassVar[Callable[..., Any] | None] = None
    """What `encoders` asks of the pixels first."""
    legacy: ClassVar[bool] = False
    """Written only where the caller names it: another format always is smaller."""
    rank: ClassVar[int] = 0
    """How far it goes before others where a client takes it; 0 for what every client takes."""

    def foresee(self, source: Outlook, info: ImageInfo, policy: Policy, seen: Mapping[str, float]) -> Prediction | None:
        """What a picture would have in this format; None where nothing was fitted for its kind."""
        pixels = info.width * info.height * info.frames
        outlook = conversion(source, pixels, info.source_quality, policy, seen)
        return foretell(outlook, self.fits) if outlook.case in self.fits else None

    @abstractmethod
    async def encoders(self, pixels: Pixels, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """Ways of writing these pixels, lossy and lossless, the likeliest winner first, as the effort affords."""


SNIFF_BYTES = 64 << 10
