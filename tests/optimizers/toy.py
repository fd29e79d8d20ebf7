"""A format made for tests: `TOY`, width, height, then the samples. What it proposes is chosen by each test."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from exceptions import UnprocessableImage
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.policy import Metadata, Policy
from optimizers.toolbox import Toolbox


def toy(width: int, height: int, fill: bytes = b"x", length: int = 100) -> bytes:
    """A toy file."""
    return b"TOY" + bytes([width, height]) + fill * length


def look(data: bytes, decoder: str | None, exact: bool) -> dict[str, Any]:
    """The first sample is the picture."""
    if data[5:6] == b"!":
        raise UnprocessableImage("broken")
    return {"frames": 1, "pixels": hashlib.md5(data[5:6]).digest(), "thumbs": [data[5:6] * 64], "icc": b""}


@dataclass
class Toy(Optimizer):
    """Proposes what it was told to."""

    spec: ClassVar[FormatSpec] = FormatSpec("toy", "image/x-toy", ("toy",), decoder="TOY")
    look: ClassVar[Callable[..., dict[str, Any]]] = staticmethod(look)
    proposals: tuple[Candidate, ...] = ()
    cleaned: bytes | None = None

    def sniff(self, head: bytes) -> bool:
        return head.startswith(b"TOY")

    def inspect(self, data: bytes) -> ImageInfo:
        if len(data) < 6:
            raise UnprocessableImage("cut short")
        return ImageInfo(data[3], data[4])

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned:
        return Cleaned(data) if self.cleaned is None else Cleaned(self.cleaned, removed=("comment",))

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        for proposal in self.proposals:
            yield proposal

    @staticmethod
    def sample() -> bytes:
        return toy(4, 4)
