"""SVG and SVGZ: sanitized always, then made smaller as text; a drawing is never turned into pixels."""

from collections.abc import AsyncIterator, Mapping
from math import log
from typing import Any

from exceptions import ImageLimitExceeded, UnprocessableImage
from optimizers import svg_outlook
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.policy import Metadata, Policy
from optimizers.prediction import Head
from optimizers.svg_shrink import shrink
from optimizers.toolbox import Toolbox
from security.file_validation import DocumentLimits
from security.svg_parser import parse
from security.svg_sanitizer import sanitize
from utils.gzip_stream import MAGIC, claimed_size, gunzip, gunzip_head, gzip
from utils.svg_head import HEAD_BYTES, size_of, starts_svg

MIME = "image/svg+xml"
MAX_SVGZ_BYTES = 64 << 20
SAMPLE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24"><!-- a sample -->'
    b'<rect x="2.0000" y="2.0000" width="12.0000" height="12.0000" fill="#ff0000"/></svg>'
)


class _Nothing:
    """Takes a document and keeps none of it: being well-formed is all that is asked."""

    def start(self, tag: str, attributes: dict[str, str]) -> None: ...
    def end(self, tag: str) -> None: ...
    def data(self, text: str) -> None: ...
    def comment(self, text: str) -> None: ...
    def pi(self, target: str, data: str | None = None) -> None: ...
    def start_ns(self, prefix: str, uri: str) -> None: ...
    def end_ns(self, prefix: str) -> None: ...


def look(data: bytes, decoder: str | None = None, exact: bool = True) -> dict[str, Any]:
    """The facts of a drawing (`optimizers/look.py`): its size instead of pixels, for nothing renders it here."""
    parse(data, _Nothing())
    return {"frames": 1, "pixels": b"", "thumbs": [], "icc": b"", "size": list(size_of(data))}


def look_packed(data: bytes, decoder: str | None = None, exact: bool = True) -> dict[str, Any]:
    """The same of an SVGZ, whose claimed size `inspect` has held against the ratio."""
    return look(gunzip(data, MAX_SVGZ_BYTES))


def sanitize_packed(data: bytes, **options: Any) -> dict[str, Any]:
    """`sanitize` from SVGZ to SVGZ."""
    result = sanitize(gunzip(data, MAX_SVGZ_BYTES), **options)
    return {**result, "data": gzip(result["data"])}


def shrink_packed(data: bytes) -> bytes:
    """`shrink` from SVGZ to SVGZ."""
    return gzip(shrink(gunzip(data, MAX_SVGZ_BYTES)))


def sketch_drawing(data: bytes) -> dict[str, float]:
    """What is left of a drawing."""
    return {"left": log(len(shrink(sanitize(data)["data"])) / len(data))}


def sketch_packed(data: bytes) -> dict[str, float]:
    """The same of an SVGZ."""
    return {"left": log(len(shrink_packed(sanitize_packed(data)["data"])) / len(data))}


class Svg(Optimizer):
    """Scalable Vector Graphics, plain text."""

    spec = FormatSpec("svg", MIME, ("svg",), active=True)
    look = staticmethod(look)
    outlook = staticmethod(svg_outlook.outlook)
    fits = svg_outlook.FITS
    _try = staticmethod(sketch_drawing)
    _quickly_tried = 16 << 10
    _sanitize = staticmethod(sanitize)
    _shrink = staticmethod(shrink)

    def __init__(self, limits: DocumentLimits) -> None:
        self._limits = limits

    @staticmethod
    def sample() -> bytes:
        return SAMPLE

    def sniff(self, head: bytes) -> bool:
        return starts_svg(head)

    def inspect(self, data: bytes) -> ImageInfo:
        width, height = size_of(data)
        return ImageInfo(width, height, alpha=True)

    async def sketch(self, data: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Mapping[str, float] | None:
        """What is left, found by trying: of a small drawing that takes no longer than a guess."""
        return await tools.call(self._try, data) if len(data) <= self._quickly_tried else None

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned | None:
        result = await tools.call(
            self._sanitize,
            data,
            keep_metadata=metadata is Metadata.ALL,
            keep_rights=metadata is not Metadata.NONE,
            max_depth=self._limits.depth,
            max_elements=self._limits.elements,
            max_attributes=self._limits.attributes,
            max_css=self._limits.css,
        )
        return Cleaned(result["data"], tuple(result["removed"])) if result else None

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """One smaller drawing; without loss there is nothing left, for cleaning has written it compactly."""
        if policy.lossless:
            return
        if shrunk := await tools.call(self._shrink, cleaned):
            yield Candidate(shrunk, "scour", lossless=False)


class Svgz(Svg):
    """The same, gzipped."""

    spec = FormatSpec("svgz", MIME, ("svgz",), active=True)
    look = staticmethod(look_packed)
    outlook = staticmethod(svg_outlook.packed)
    _try = staticmethod(sketch_packed)
    _quickly_tried = 6 << 10
    _sanitize = staticmethod(sanitize_packed)
    _shrink = staticmethod(shrink_packed)

    @staticmethod
    def sample() -> bytes:
        return gzip(SAMPLE)

    def sniff(self, head: bytes) -> bool:
        return head.startswith(MAGIC) and starts_svg(gunzip_head(head, HEAD_BYTES))

    def inspect(self, data: bytes) -> ImageInfo:
        limit, claimed = len(data) * self._limits.unpack_ratio, claimed_size(data)
        if claimed > limit:
            raise ImageLimitExceeded(f"the file unpacks to more than {limit} bytes", limit=limit, actual=claimed)
        head = gunzip_head(data, HEAD_BYTES)
        if not head:
            raise UnprocessableImage("the gzip data is broken")
        return super().inspect(head)

    def inspect_head(self, head: Head) -> ImageInfo:
        """The size that the file unpacks to stands at its end."""
        return super().inspect(gunzip_head(head.data, HEAD_BYTES))
