"""SVG and SVGZ: sanitized always, then made smaller as text; pixels only prove that it still is the same drawing."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from math import log
from typing import Any

from exceptions import ImageLimitExceeded, UnprocessableImage
from optimizers import svg_outlook, svg_render
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.policy import Metadata, Policy
from optimizers.prediction import Head
from optimizers.svg_proof import SAFE, USUAL, smallest
from optimizers.svg_shrink import rounded, tidied
from optimizers.toolbox import Toolbox
from security.file_validation import DocumentLimits
from security.svg_parser import parse
from security.svg_sanitizer import sanitize
from utils.gzip_stream import MAGIC, claimed_size, gunzip, gunzip_head, gzip
from utils.svg_head import HEAD_BYTES, size_of, starts_svg

MIME = "image/svg+xml"
METHOD = "scour"
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
    return look(unpacked(data))


def sanitize_packed(data: bytes, **options: Any) -> dict[str, Any]:
    """`sanitize` from SVGZ to SVGZ."""
    result = sanitize(unpacked(data), **options)
    return {**result, "data": gzip(result["data"])}


def unpacked(data: bytes) -> bytes:
    """The document of an SVGZ."""
    return gunzip(data, MAX_SVGZ_BYTES)


def decode_packed(data: bytes, decoder: str, orientation: int, animated: bool) -> dict[str, Any]:
    """`svg_render.decode` of an SVGZ."""
    return svg_render.decode(unpacked(data), decoder, orientation, animated)


def sketch_drawing(data: bytes) -> dict[str, float]:
    """What is left of a drawing."""
    return {"left": log(len(_usual(sanitize(data)["data"])) / len(data))}


def sketch_packed(data: bytes) -> dict[str, float]:
    """The same of an SVGZ."""
    return {"left": log(len(gzip(_usual(unpacked(sanitize_packed(data)["data"])))) / len(data))}


def _usual(drawing: bytes) -> bytes:
    """What mostly becomes of a sanitized drawing, without the proof."""
    tidy = tidied(drawing)
    return rounded(tidy["data"], USUAL if tidy["whole"] else SAFE)


class Svg(Optimizer):
    """Scalable Vector Graphics, plain text."""

    spec = FormatSpec("svg", MIME, ("svg",), active=True)
    vector = True
    look = staticmethod(look)
    decode = staticmethod(svg_render.decode)
    outlook = staticmethod(svg_outlook.outlook)
    fits = svg_outlook.FITS
    _try = staticmethod(sketch_drawing)
    _quickly_tried = 16 << 10
    _sanitize = staticmethod(sanitize)

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
        if found := await smallest(cleaned, policy, tools):
            yield Candidate(found[0], METHOD, lossless=False, score=found[1])


class Svgz(Svg):
    """The same, gzipped."""

    spec = FormatSpec("svgz", MIME, ("svgz",), active=True, coding="gzip")
    look = staticmethod(look_packed)
    decode = staticmethod(decode_packed)
    outlook = staticmethod(svg_outlook.packed)
    _try = staticmethod(sketch_packed)
    _quickly_tried = 6 << 10
    _sanitize = staticmethod(sanitize_packed)

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

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """The document's smaller version, packed."""
        if plain := await tools.call(unpacked, cleaned):
            async for candidate in super().optimize(plain, info, policy, tools):
                if packed := await tools.call(gzip, candidate.data):
                    yield replace(candidate, data=packed)

    def inspect_head(self, head: Head) -> ImageInfo:
        """The size that the file unpacks to stands at its end."""
        return super().inspect(gunzip_head(head.data, HEAD_BYTES))
