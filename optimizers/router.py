"""Routes bytes to formats (not URLs to handlers): the one list of formats, and detection over it."""

from collections.abc import Sequence

from exceptions import UnknownFormat
from optimizers.avif import Avif
from optimizers.base import SNIFF_BYTES, Optimizer
from optimizers.bmp import BmpOptimizer
from optimizers.gif import Gif
from optimizers.heic import Heic
from optimizers.jpeg import Jpeg
from optimizers.png import Apng, Png
from optimizers.psd import PsdOptimizer
from optimizers.tiff import TiffOptimizer

FORMATS: tuple[Optimizer, ...] = (
    Jpeg(),
    Apng(),
    Png(),
    Gif(),
    Avif(),
    Heic(),
    TiffOptimizer(),
    BmpOptimizer(),
    PsdOptimizer(),
)


def detect(data: bytes, formats: Sequence[Optimizer] = FORMATS) -> Optimizer:
    """The format that claims the first bytes; names and declared types count for nothing. Raises UnknownFormat."""
    head = data[:SNIFF_BYTES]
    for optimizer in formats:
        if optimizer.sniff(head):
            return optimizer
    known = ", ".join(sorted(optimizer.spec.name for optimizer in formats))
    raise UnknownFormat(f"the first bytes are not of a format that Pare knows ({known})")
