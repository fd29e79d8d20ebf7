"""Routes bytes to formats (not URLs to handlers): the one list of formats, and detection over it."""

from collections.abc import Sequence

from exceptions import UnknownFormat
from optimizers.avif import Avif
from optimizers.base import SNIFF_BYTES, Optimizer, Target
from optimizers.bmp import Bmp
from optimizers.gif import Gif
from optimizers.heic import Heic
from optimizers.jpeg import Jpeg
from optimizers.png import Apng, Png
from optimizers.psd import Psd
from optimizers.svg import Svg, Svgz
from optimizers.tiff import Tiff
from optimizers.webp import Webp
from security.file_validation import DocumentLimits


def build_formats(documents: DocumentLimits) -> tuple[Optimizer, ...]:
    """Every format that Pare knows, in the order in which they are asked."""
    return (
        Jpeg(),
        Apng(),
        Png(),
        Webp(),
        Gif(),
        Svg(documents),
        Svgz(documents),
        Avif(),
        Heic(),
        Tiff(),
        Bmp(),
        Psd(),
    )


FORMATS = build_formats(DocumentLimits())
TARGETS = {name: f.spec for f in FORMATS if isinstance(f, Target) for name in (f.spec.name, *f.spec.aliases)}
"""What can be written from pixels alone, by every name that callers use."""
CHOICE = {f.spec.mime: f.spec.name for f in FORMATS if isinstance(f, Target) and not f.legacy}
"""What a free choice of format chooses from: media types to names."""


def detect(data: bytes, formats: Sequence[Optimizer] = FORMATS) -> Optimizer:
    """The format that claims the first bytes; names and declared types count for nothing. Raises UnknownFormat."""
    head = data[:SNIFF_BYTES]
    for optimizer in formats:
        if optimizer.sniff(head):
            return optimizer
    known = ", ".join(sorted(optimizer.spec.name for optimizer in formats))
    raise UnknownFormat(f"the first bytes are not of a format that Pare knows ({known})")
