"""The user's wishes, in words that no encoder owns."""

from dataclasses import dataclass
from enum import StrEnum


class Metadata(StrEnum):
    """What may stay beside the pixels.

    SAFE keeps colour profile, orientation and copyright; NONE only what the picture needs to look the same
    (colour profile, orientation); ALL keeps everything.
    """

    SAFE = "safe"
    NONE = "none"
    ALL = "all"


class Effort(StrEnum):
    """How much CPU a smaller file may cost."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Policy:
    """One request's wishes; `quality` is 1-100 on Pare's scale, `quality_named` whether the request itself said it."""

    quality: int = 80
    quality_named: bool = False
    lossless: bool = False
    metadata: Metadata = Metadata.SAFE
    effort: Effort = Effort.BALANCED
