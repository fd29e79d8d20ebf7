"""JPEG: jpegli or MozJPEG where pixels may change, jpegtran where they may not; gain maps stay attached."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from optimizers import jpeg_outlook
from optimizers.base import Candidate, Cleaned, Encoder, FormatSpec, ImageInfo, Pixels, Target
from optimizers.jpeg_recipe import (
    CHROMA_CONTRAST,
    CJPEG,
    CJPEGLI,
    Made,
    Recipe,
    Traits,
    chroma_contrast,
    drawn,
    likely,
    rivals,
    smaller,
    source_quality,
)
from optimizers.look import raster
from optimizers.policy import Effort, Metadata, Policy, typical_score
from optimizers.toolbox import Toolbox
from utils.jpeg_metadata import exif_of, labelled, lean
from utils.jpeg_pictures import MPF, write_first
from utils.jpeg_segments import (
    ADOBE,
    APP0,
    APP1,
    APP2,
    APP14,
    JFIF,
    XMP,
    Frame,
    JpegStream,
    frame_of,
    read_header,
    read_stream,
    write,
)

DOUBTFUL_SCORE = 72.0
"""Typical score below which a picture may come out at less than 60: the worst are some 10 below it."""
DOUBTFUL_BITS = 1.5
"""Bits a pixel from which a result is mostly noise, which scores far below the typical; photographs take 0.1-1.2."""
PART_BYTES = 1_500_000
"""Of a picture that is sketched."""
CLEARLY_SMALLER = 0.1
"""Share of the picture that a lossy result has to save to make the lossless try a waste."""
HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)


def first_picture(data: bytes, decoder: str, exact: bool = True) -> dict[str, Any]:
    """What is to be seen as browsers show it: Pillow would count further pictures as frames and turn by XMP."""
    stream = read_stream(data)
    shown = write(s for s in stream.segments if not (s.holds(APP2, MPF) or s.holds(APP1, XMP)))
    return raster(shown if stream.closed else shown[:-2], decoder, exact)


class Jpeg(Target):
    """JPEG, ITU-T T.81."""

    spec = FormatSpec(
        name="jpeg",
        mime="image/jpeg",
        extensions=("jpg", "jpeg"),
        decoder="JPEG",
        tools=(CJPEGLI, CJPEG, "jpegtran"),
        aliases=("jpg",),
    )
    look = staticmethod(first_picture)
    holds_alpha = False
    trait = staticmethod(drawn)
    outlook = staticmethod(jpeg_outlook.outlook)
    fits = jpeg_outlook.FITS

    def sniff(self, head: bytes) -> bool:
        """Whether a start of image and another marker come first."""
        return head.startswith(b"\xff\xd8\xff")

    def inspect(self, data: bytes) -> ImageInfo:
        """Read the segments up to the first scan."""
        header = list(read_header(data))
        frame = frame_of(header)
        exif, quality = exif_of(header), source_quality(header, frame)
        return ImageInfo(
            width=frame.width,
            height=frame.height,
            bit_depth=frame.precision,
            orientation=exif.orientation if exif else 1,
            channels=len(frame.components),
            metadata=sum(len(segment) for segment in header if segment.is_metadata),
            source_quality=None if quality is None else round(quality),
        )

    async def sketch(self, data: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Mapping[str, float] | None:
        """What a coarser quantization saves, of the upper part of a large picture; None of a large progressive one."""
        part = jpeg_outlook.upper_part(data)
        return await tools.call(jpeg_outlook.sketch_coarser, part, "JPEG") if len(part) <= PART_BYTES else None

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned | None:
        """Take metadata away segment by segment."""
        if metadata is Metadata.ALL:
            return Cleaned(data)
        return Cleaned(*lean(data, keep_copyright=metadata is Metadata.SAFE))

    async def recoders(self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """jpegli and MozJPEG over the file itself; trials on a part go by its pixels."""
        old = Old(cleaned)
        if not old.highest(likely(old.traits, policy.nominal, policy.effort)):
            return ()

        def encoder(recipe: Recipe) -> Encoder:
            async def encode(quality: int) -> Candidate | None:
                made = await recipe.encode(old.bare, quality, tools)
                return _lossy(made, old.dressed(made.data), quality) if made else None

            return Encoder(recipe.tool, encode, recipe.probe(tools), old.highest(recipe))

        return [encoder(recipe) for recipe in rivals(await old.looked_at(tools), policy)]

    async def encoders(self, pixels: Pixels, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """What a search compares, else the likely one; one component where all is grey and no profile is of three."""
        seen = await (tools.call(drawn, pixels.frames[0], False) if pixels.icc else pixels.ask(drawn, tools))
        if seen is None:
            return ()

        def encoder(recipe: Recipe) -> Encoder:
            async def encode(quality: int) -> Candidate | None:
                made = await recipe.encode(seen["pnm"], quality, tools)
                if made is None:
                    return None
                found = _lossy(made, labelled(made.data, pixels.icc, pixels.exif), quality)
                return replace(found, doubtful=_in_doubt(made, recipe, quality, pixels.width * pixels.height))

            return Encoder(recipe.tool, encode, recipe.probe(tools))

        traits = Traits(grey=seen["grey"], edgy=seen["contrast"] >= CHROMA_CONTRAST)
        found = rivals(traits, policy) if policy.seeks else [likely(traits, policy.quality, policy.effort)]
        return [encoder(recipe) for recipe in found]

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """A re-encoding where the source is finer than asked; where that gives little, its coefficients repacked."""
        old = Old(cleaned)
        if not old.is_plain:
            return
        lossy = None if policy.lossless else await self._recoded(old, policy, tools)
        if lossy:
            yield lossy
        if lossy is None or len(cleaned) - len(lossy.data) < CLEARLY_SMALLER * len(old.bare):
            packed = await _packed(old.bare, policy.effort, tools)
            if packed:
                yield Candidate(old.dressed(packed, lossless=True), "jpegtran", lossless=True)

    async def _recoded(self, old: "Old", policy: Policy, tools: Toolbox) -> Candidate | None:
        """The picture at the quality asked for, by the likely recipe; None where the source is that coarse already."""
        if policy.quality > old.highest(likely(old.traits, policy.quality, policy.effort)):
            return None
        recipe = likely(await old.looked_at(tools), policy.quality, policy.effort)
        if policy.quality > old.highest(recipe):
            return None
        made = await recipe.encode(old.bare, policy.quality, tools)
        if made is None:
            return None
        doubtful = _in_doubt(made, recipe, policy.quality, old.frame.width * old.frame.height)
        return replace(_lossy(made, old.dressed(made.data), policy.quality), doubtful=doubtful)

    @staticmethod
    def sample() -> bytes:
        """Grey pixels at a quality that is worth lowering."""
        import io

        from PIL import Image

        out = io.BytesIO()
        Image.new("L", (8, 8), 128).save(out, "JPEG", quality=100)
        return out.getvalue()


@dataclass(frozen=True)
class Old:
    """The cleaned file, and its first picture alone."""

    data: bytes

    @cached_property
    def stream(self) -> JpegStream:
        """The first picture's segments."""
        return read_stream(self.data)

    @cached_property
    def frame(self) -> Frame:
        """Its frame header."""
        return frame_of(self.stream.segments)

    @cached_property
    def bare(self) -> bytes:
        """The picture with nothing but what tells how its components make colours."""
        bare = write(
            s for s in self.stream.segments if not s.is_metadata or s.holds(APP0, JFIF) or s.holds(APP14, ADOBE)
        )
        return self.data if bare == self.data else bare

    @property
    def is_plain(self) -> bool:
        """Whether the tools can read it."""
        return self.frame.process in HUFFMAN_FRAMES and self.frame.precision == 8

    @property
    def traits(self) -> Traits:
        """What the header tells."""
        components = self.frame.components
        return Traits(len(components) == 1, len(components) > 1 and all((c.h, c.v) == (1, 1) for c in components))

    async def looked_at(self, tools: Toolbox) -> Traits:
        """The same with what the pixels tell, decoded where it matters."""
        traits = self.traits
        hard = traits.full_colour and (await tools.call(chroma_contrast, self.bare, "JPEG") or 0.0) >= CHROMA_CONTRAST
        return replace(traits, edgy=hard)

    def highest(self, recipe: Recipe) -> int:
        """The best quality worth a generation of loss, 0 for none."""
        if not self.is_plain or len(self.frame.components) not in (1, 3):
            return 0
        return recipe.highest(source_quality(self.stream.segments, self.frame))

    def dressed(self, encoded: bytes, *, lossless: bool = False) -> bytes:
        """The encoded picture with the metadata and the further pictures of this file.

        A re-encoding is YCbCr or grey: it takes the encoder's JFIF where the file has none, and no Adobe segment.
        """
        made = read_stream(encoded).segments
        own = [s for s in self.stream.segments if s.is_metadata and (lossless or not s.holds(APP14, ADOBE))]
        if not lossless and not any(s.holds(APP0, JFIF) for s in own):
            own = [*(s for s in made if s.holds(APP0, JFIF)), *own]
        first = write_first([*own, *(s for s in made if not s.is_metadata)], self.stream.end)
        return first + self.data[self.stream.end :]


def _lossy(made: Made, data: bytes, quality: int) -> Candidate:
    return Candidate(data, made.tool, lossless=False, dial=made.dial, quality=quality)


def _in_doubt(made: Made, recipe: Recipe, quality: int, pixels: int) -> bool:
    """Whether the result may look poor: text in colour, noise, or a quality that typically is not high."""
    noisy = len(made.data) * 8 > DOUBTFUL_BITS * pixels
    return recipe.traits.edgy or noisy or typical_score(quality) < DOUBTFUL_SCORE


async def _packed(bare: bytes, effort: Effort, tools: Toolbox) -> bytes | None:
    """The same coefficients, coded better."""
    crush = ("-fastcrush",) if effort is Effort.FAST else ()
    args = ("jpegtran", "-copy", "none", "-optimize")
    progressive = await tools.run(*args, "-progressive", *crush, stdin=bare)
    return await smaller(progressive, tools, *args, "-revert", stdin=bare)
