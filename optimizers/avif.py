"""AVIF: cleaned; re-encoded only where a request names a quality and nothing would be lost but precision."""

from collections.abc import AsyncIterator

from optimizers import heif
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.policy import Metadata, Policy
from optimizers.samples import still
from optimizers.toolbox import Toolbox
from utils.isobmff import brands

BRANDS = {b"avif", b"avis"}
GENERAL_BRANDS = {b"mif1", b"mif2", b"msf1", b"miaf"}


class Avif(Optimizer):
    """AV1 pictures in a HEIF file."""

    spec = FormatSpec(name="avif", mime="image/avif", extensions=("avif", "avifs"), decoder="AVIF")

    @staticmethod
    def sample() -> bytes:
        return still("AVIF")

    def sniff(self, head: bytes) -> bool:
        """By its brands: the major one, or a general one with AVIF's among the compatible ones."""
        found = brands(head)
        return bool(found) and (found[0] in BRANDS or (found[0] in GENERAL_BRANDS and bool(BRANDS & set(found))))

    def inspect(self, data: bytes) -> ImageInfo:
        """See heif.inspect."""
        return heif.inspect(data)

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned:
        """See heif.clean."""
        return heif.clean(data, metadata)

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """Nothing beyond the clean."""
        return
        yield
