"""HEIC: cleaned, read for conversions, never written: the one free encoder at hand writes larger files and is GPL."""

from collections.abc import AsyncIterator, Mapping

from optimizers import heif, heif_outlook
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.policy import Metadata, Policy
from optimizers.prediction import Head
from optimizers.samples import still
from optimizers.toolbox import Toolbox
from utils.isobmff import brands

HEVC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
AV1_BRANDS = {b"avif", b"avis"}


class Heic(Optimizer):
    """HEVC pictures in a HEIF file."""

    spec = FormatSpec(
        name="heic",
        mime="image/heic",
        extensions=("heic", "heif"),
        aliases=("heif",),
        decoder="HEIF",
        passthrough=True,
    )
    on_pages = False
    outlook = staticmethod(heif_outlook.outlook)
    fits = heif_outlook.FITS
    decode = staticmethod(heif.decode)

    @staticmethod
    def sample() -> bytes:
        import pillow_heif

        pillow_heif.register_heif_opener()
        return still("HEIF")

    def sniff(self, head: bytes) -> bool:
        """By its brands; a file that is also AVIF's belongs to whom its major brand names, or else to AVIF."""
        found = brands(head)
        if not found or found[0] not in HEVC_BRANDS | heif.GENERAL_BRANDS:
            return False
        return found[0] in HEVC_BRANDS or (not AV1_BRANDS & set(found) and bool(HEVC_BRANDS & set(found)))

    def inspect(self, data: bytes) -> ImageInfo:
        """See heif.inspect."""
        return heif.inspect(data, pages=True)

    def inspect_head(self, head: Head) -> ImageInfo:
        """As far as the boxes that describe the file are there."""
        return self.inspect(heif.padded(head))

    async def sketch(self, data: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Mapping[str, float] | None:
        """None: the header tells all, and decoding takes long."""
        return None

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned:
        """See heif.clean."""
        return heif.clean(data, metadata)

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """Nothing beyond the clean."""
        return
        yield
