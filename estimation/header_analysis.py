"""From the first bytes of a file to its format and what its header says; nothing is decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

from exceptions import ImageLimitExceeded, UnprocessableImage
from optimizers.base import ImageInfo, Optimizer
from optimizers.engine import admit
from optimizers.prediction import Head
from optimizers.router import detect
from security.file_validation import ImageLimits


@dataclass(frozen=True, slots=True)
class Subject:
    """A file under estimate."""

    optimizer: Optimizer
    head: Head
    info: ImageInfo | None
    """None where the header does not lie within the bytes that are there."""

    @property
    def frames(self) -> int | None:
        """How many; None where more may follow."""
        return self.info.frames if self.info and self.optimizer.counts_frames(self.head) else None


def analyse(head: Head, formats: Sequence[Optimizer], limits: ImageLimits) -> Subject:
    """Detect, read the header, check its numbers. Raises UnknownFormat, UnprocessableImage, ImageLimitExceeded."""
    optimizer = detect(head.data, formats)
    info = _inspected(optimizer, head)
    if info:
        admit(optimizer, info, limits)
    return Subject(optimizer, head, info)


def _inspected(optimizer: Optimizer, head: Head) -> ImageInfo | None:
    if head.whole:
        return optimizer.inspect(head.data)
    try:
        return optimizer.inspect_head(head)
    except ImageLimitExceeded:
        raise
    except UnprocessableImage:
        return None
