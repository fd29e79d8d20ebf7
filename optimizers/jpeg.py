"""JPEG: MozJPEG's cjpeg where pixels may change, its jpegtran where they may not; gain maps stay attached."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optimizers import jpeg_outlook
from optimizers.base import Candidate, Cleaned, Encoder, FormatSpec, ImageInfo, Pixels, Probe, Target
from optimizers.look import opened, raster
from optimizers.policy import Effort, Metadata, Policy, between
from optimizers.toolbox import Toolbox
from utils.jpeg_metadata import exif_of, lean
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
    Segment,
    frame_of,
    quantization_tables,
    read_header,
    read_stream,
    write,
)

DIALS = ((0, 1), (30, 20), (50, 40), (60, 50), (70, 60), (80, 71), (90, 84), (95, 91), (100, 97))
"""Pare's quality and the cjpeg dial for it, with table 2 and no trellis; 80 scores a SSIMULACRA2 of about 76."""
TRELLIS_DIALS = 3
"""Dials that trellis quantization has to be set higher to score the same."""
EDGY_SHARE = 0.5
"""Share of the way to 100 that the dial is raised where colour has hard edges."""
LUMA_STEPS, LUMA_COUNT = 1249, 36
"""The sum of so many first luma steps, in zigzag order, that cjpeg writes with table 2 at dial 50."""
COARSE_ENOUGH = 2
"""Dials within which a source counts as written with the asked quality: less is not worth a generation of loss."""
CHROMA_CONTRAST = 7.0
"""`chroma_contrast` from which half-size colour planes show: photographs stay below 5, coloured text is above 10."""
FINE_DIAL = 90
"""Dial from which a source with full-size colour planes keeps them."""
SMALL_FILE = 4000
"""Bytes below which a baseline file may be smaller than a progressive one, by up to 70."""
CLEARLY_SMALLER = 0.9
"""Share of the input below which a lossy result makes the lossless try a waste."""
HUFFMAN_FRAMES = (0xC0, 0xC1, 0xC2)


def first_picture(data: bytes, decoder: str, exact: bool = True) -> dict[str, Any]:
    """What is to be seen as browsers show it: Pillow would count further pictures as frames and turn by XMP."""
    stream = read_stream(data)
    shown = write(s for s in stream.segments if not (s.holds(APP2, MPF) or s.holds(APP1, XMP)))
    return raster(shown if stream.closed else shown[:-2], decoder, exact)


def chroma_contrast(data: bytes, decoder: str) -> float:
    """How hard the edges of colour are: root mean square in 8-bit steps over 2 x 2 of a quarter-size view."""
    import io

    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=[decoder]) as image:
        image.draft("YCbCr", (max(1, image.width // 4), max(1, image.height // 4)))
        planes = np.asarray(image.convert("YCbCr"), dtype=np.float32)[..., 1:]
    height, width = planes.shape[0] // 2, planes.shape[1] // 2
    if not height or not width:
        return 0.0
    squares = planes[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 2)
    return float(np.sqrt(((squares - squares.mean(axis=(1, 3), keepdims=True)) ** 2).sum(axis=-1).mean()))


class Jpeg(Target):
    """JPEG, ITU-T T.81."""

    spec = FormatSpec(
        name="jpeg",
        mime="image/jpeg",
        extensions=("jpg", "jpeg"),
        decoder="JPEG",
        tools=("cjpeg", "jpegtran"),
        aliases=("jpg",),
    )
    look = staticmethod(first_picture)
    holds_alpha = False
    outlook = staticmethod(jpeg_outlook.outlook)
    fits = jpeg_outlook.FITS

    def sniff(self, head: bytes) -> bool:
        """Whether a start of image and another marker come first."""
        return head.startswith(b"\xff\xd8\xff")

    def inspect(self, data: bytes) -> ImageInfo:
        """Read the segments up to the first scan."""
        header = list(read_header(data))
        frame = frame_of(header)
        exif, dial = exif_of(header), source_dial(header, frame)
        return ImageInfo(
            width=frame.width,
            height=frame.height,
            bit_depth=frame.precision,
            orientation=exif.orientation if exif else 1,
            channels=len(frame.components),
            metadata=sum(len(segment) for segment in header if segment.is_metadata),
            source_quality=None if dial is None else round(between([(d, q) for q, d in DIALS], dial)),
        )

    async def sketch(self, data: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Mapping[str, float] | None:
        """What a coarser quantization saves, of the upper part of a large picture."""
        return await tools.call(jpeg_outlook.sketch_coarser, data, "JPEG")

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned | None:
        """Take metadata away segment by segment."""
        if metadata is Metadata.ALL:
            return Cleaned(data)
        return Cleaned(*lean(data, keep_copyright=metadata is Metadata.SAFE))

    async def recoders(self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """cjpeg over the file itself; trials on a part go by its pixels."""
        stream = read_stream(cleaned)
        frame = frame_of(stream.segments)
        if not _is_plain(frame) or len(frame.components) not in (1, 3):
            return ()
        bare = _without_metadata(stream)
        recipe = await _recipe(frame, bare, policy.effort, tools)

        async def encode(quality: int) -> Candidate | None:
            made = await recipe.encode(bare, quality, tools)
            if made is None:
                return None
            data = _graft(cleaned, stream, made, lossless=False)
            return Candidate(data, "cjpeg", lossless=False, dial=recipe.dial(quality), quality=quality)

        highest = recipe.highest(source_dial(stream.segments, frame))
        return (Encoder("cjpeg", encode, recipe.probe(tools), highest),) if highest else ()

    async def encoders(self, pixels: Pixels, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """cjpeg over the pixels."""
        ppm = await tools.call(to_ppm, pixels.frames[0])
        if ppm is None:
            return ()
        edgy = (await tools.call(chroma_contrast, pixels.frames[0], "PNG") or 0.0) >= CHROMA_CONTRAST
        recipe = Recipe(grey=False, full_colour=True, edgy=edgy, effort=policy.effort)

        async def encode(quality: int) -> Candidate | None:
            made = await recipe.encode(ppm, quality, tools)
            if made is None:
                return None
            data = _labelled(made, pixels)
            return Candidate(data, "cjpeg", lossless=False, dial=recipe.dial(quality), quality=quality)

        return (Encoder("cjpeg", encode, recipe.probe(tools)),)

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """A re-encoding where the source is finer than asked; where that gives little, its coefficients repacked."""
        stream = read_stream(cleaned)
        frame = frame_of(stream.segments)
        if not _is_plain(frame):
            return
        bare = _without_metadata(stream)
        lossy = None
        if not policy.lossless and len(frame.components) in (1, 3):
            recipe = await _recipe(frame, bare, policy.effort, tools)
            if policy.quality <= recipe.highest(source_dial(stream.segments, frame)):
                lossy = await recipe.encode(bare, policy.quality, tools)
        if lossy:
            data = _graft(cleaned, stream, lossy, lossless=False)
            yield Candidate(data, "cjpeg", lossless=False, dial=recipe.dial(policy.quality), quality=policy.quality)
        if lossy is None or len(lossy) > CLEARLY_SMALLER * len(bare):
            packed = await _smallest(tools, policy.effort, "jpegtran", ("-copy", "none"), bare)
            if packed:
                yield Candidate(_graft(cleaned, stream, packed, lossless=True), "jpegtran", lossless=True)

    @staticmethod
    def sample() -> bytes:
        """Grey pixels at a quality that is worth lowering."""
        import io

        from PIL import Image

        out = io.BytesIO()
        Image.new("L", (8, 8), 128).save(out, "JPEG", quality=100)
        return out.getvalue()


def source_dial(segments: Sequence[Segment], frame: Frame) -> float | None:
    """The cjpeg dial whose luma table is as coarse as this file's own; None without a table."""
    steps = quantization_tables(segments).get(frame.components[0].table)
    if not steps or not sum(steps[:LUMA_COUNT]):
        return None
    percent = 100 * sum(steps[:LUMA_COUNT]) / LUMA_STEPS
    return (200 - percent) / 2 if percent <= 100 else 5000 / percent


@dataclass(frozen=True, slots=True)
class Recipe:
    """How cjpeg is set for one picture."""

    grey: bool
    full_colour: bool
    """Whether the source's colour planes are of full size."""
    edgy: bool
    """Whether half-size colour planes would show."""
    effort: Effort

    def dial(self, quality: int) -> int:
        """cjpeg's quality for Pare's."""
        dial = between(DIALS, quality) + (TRELLIS_DIALS if self.effort is Effort.BEST else 0)
        return round(min(100, dial + (EDGY_SHARE * (100 - dial) if self.edgy else 0)))

    def highest(self, found: float | None) -> int:
        """The best quality for a source of this dial, 0 for none: nearer to it a generation of loss does not pay."""
        fine = (q for q in range(100, 0, -1) if found is None or self.dial(q) + COARSE_ENOUGH < found)
        return next(fine, 0)

    def arguments(self, quality: int) -> tuple[str, ...]:
        """What cjpeg is called with."""
        dial = self.dial(quality)
        whole = self.grey or self.edgy or (self.full_colour and dial >= FINE_DIAL)
        trellis = () if self.effort is Effort.BEST else ("-notrellis",)
        return ("-quality", str(dial), "-quant-table", "2", "-sample", "1x1" if whole else "2x2", *trellis)

    async def encode(self, picture: bytes, quality: int, tools: Toolbox) -> bytes | None:
        """A bare file of a bare JPEG or PPM."""
        return await _smallest(tools, self.effort, "cjpeg", self.arguments(quality), picture)

    def probe(self, tools: Toolbox) -> Probe:
        """Trials over PNG pixels."""

        async def probe(png: bytes, quality: int) -> bytes | None:
            ppm = await tools.call(to_ppm, png)
            return await self.encode(ppm, quality, tools) if ppm else None

        return probe


async def _recipe(frame: Frame, bare: bytes, effort: Effort, tools: Toolbox) -> Recipe:
    grey = len(frame.components) == 1
    full_colour = not grey and all((c.h, c.v) == (1, 1) for c in frame.components)
    edgy = full_colour and (await tools.call(chroma_contrast, bare, "JPEG") or 0.0) >= CHROMA_CONTRAST
    return Recipe(grey, full_colour, edgy, effort)


def to_ppm(png: bytes) -> bytes:
    """Opaque PNG pixels as cjpeg reads them; runs in an isolated worker."""
    import io

    with opened(png, "PNG") as image:
        out = io.BytesIO()
        image.convert("RGB").save(out, "PPM")
    return out.getvalue()


def _is_plain(frame: Frame) -> bool:
    return frame.process in HUFFMAN_FRAMES and frame.precision == 8


def _labelled(made: bytes, pixels: Pixels) -> bytes:
    """A bare file with the pixels' profile and what EXIF they keep."""
    return made


async def _smallest(tools: Toolbox, effort: Effort, tool: str, args: Sequence[str], bare: bytes) -> bytes | None:
    """A progressive file, or, of a small picture, a baseline one where that is smaller."""
    crush = ("-fastcrush",) if effort is Effort.FAST else ()
    progressive = await tools.run(tool, *args, "-optimize", "-progressive", *crush, stdin=bare)
    if progressive is None or len(progressive) >= SMALL_FILE:
        return progressive
    shape = ("-baseline",) if tool == "cjpeg" else ("-revert", "-optimize")
    baseline = await tools.run(tool, *args, *shape, stdin=bare)
    return min(filter(None, (progressive, baseline)), key=len)


def _without_metadata(stream: JpegStream) -> bytes:
    """The picture with nothing but what tells how its components make colours."""
    return write(s for s in stream.segments if not s.is_metadata or s.holds(APP0, JFIF) or s.holds(APP14, ADOBE))


def _graft(cleaned: bytes, stream: JpegStream, encoded: bytes, *, lossless: bool) -> bytes:
    """The encoded picture with the metadata and the further pictures of the cleaned file.

    A re-encoding is YCbCr or grey: it takes the encoder's JFIF where the file has none, and no Adobe segment.
    """
    made = read_stream(encoded).segments
    own = [s for s in stream.segments if s.is_metadata and (lossless or not s.holds(APP14, ADOBE))]
    if not lossless and not any(s.holds(APP0, JFIF) for s in own):
        own = [*(s for s in made if s.holds(APP0, JFIF)), *own]
    return write_first([*own, *(s for s in made if not s.is_metadata)], stream.end) + cleaned[stream.end :]
