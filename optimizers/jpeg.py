"""JPEG: MozJPEG's cjpeg where pixels may change, its jpegtran where they may not; gain maps stay attached."""

from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from typing import Any

from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.look import raster
from optimizers.policy import Effort, Metadata, Policy
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


def chroma_contrast(data: bytes) -> float:
    """How hard the edges of colour are: root mean square in 8-bit steps over 2 x 2 of a quarter-size view."""
    import io

    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        image.draft("YCbCr", (max(1, image.width // 4), max(1, image.height // 4)))
        planes = np.asarray(image.convert("YCbCr"), dtype=np.float32)[..., 1:]
    height, width = planes.shape[0] // 2, planes.shape[1] // 2
    if not height or not width:
        return 0.0
    squares = planes[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 2)
    return float(np.sqrt(((squares - squares.mean(axis=(1, 3), keepdims=True)) ** 2).sum(axis=-1).mean()))


class Jpeg(Optimizer):
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
            source_quality=None if dial is None else round(_between([(d, q) for q, d in DIALS], dial)),
        )

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned | None:
        """Take metadata away segment by segment."""
        if metadata is Metadata.ALL:
            return Cleaned(data)
        return Cleaned(*lean(data, keep_copyright=metadata is Metadata.SAFE))

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """A re-encoding where the source is finer than asked; where that gives little, its coefficients repacked."""
        stream = read_stream(cleaned)
        frame = frame_of(stream.segments)
        if frame.process not in HUFFMAN_FRAMES or frame.precision != 8:
            return
        bare = _without_metadata(stream)
        settings = None if policy.lossless else await _settings(stream, frame, bare, policy, tools)
        lossy = await _smallest(tools, policy.effort, "cjpeg", settings[1], bare) if settings else None
        if settings and lossy:
            data = _graft(cleaned, stream, lossy, lossless=False)
            yield Candidate(data, "cjpeg", lossless=False, dial=settings[0], quality=policy.quality)
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


async def _settings(
    stream: JpegStream, frame: Frame, bare: bytes, policy: Policy, tools: Toolbox
) -> tuple[int, tuple[str, ...]] | None:
    """The dial and cjpeg's arguments; None where the source is that coarse already or is CMYK: cjpeg mixes the inks."""
    trellis = TRELLIS_DIALS if policy.effort is Effort.BEST else 0
    dial, found = _between(DIALS, policy.quality) + trellis, source_dial(stream.segments, frame)
    if len(frame.components) not in (1, 3) or (found is not None and found <= dial + COARSE_ENOUGH):
        return None
    sampling = "1x1" if len(frame.components) == 1 else "2x2"
    if len(frame.components) == 3 and all((c.h, c.v) == (1, 1) for c in frame.components):
        edgy = (await tools.call(chroma_contrast, bare) or 0.0) >= CHROMA_CONTRAST
        dial += EDGY_SHARE * (100 - dial) if edgy else 0
        sampling = "1x1" if edgy or dial >= FINE_DIAL else "2x2"
        if found is not None and found <= dial + COARSE_ENOUGH:
            return None
    number = round(min(dial, 100))
    extra = () if trellis else ("-notrellis",)
    return number, ("-quality", str(number), "-quant-table", "2", "-sample", sampling, *extra)


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


def _between(points: Sequence[tuple[int, int]], x: float) -> float:
    """The value at `x` on the straight lines through the points; beyond them, that of the nearest."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * max(0.0, x - x0) / (x1 - x0)
    return points[-1][1]
