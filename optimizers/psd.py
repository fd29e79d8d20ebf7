"""PSD: layers and channels are never touched; what goes is metadata beside them, what shrinks a raw composite.

PSB, the large document, is recognised and refused: no decoder here could prove the result.
"""

import hashlib
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

from exceptions import UnprocessableImage
from optimizers import look, psd_outlook
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.policy import Metadata, Policy
from optimizers.toolbox import Toolbox
from utils.metadata import OTHER
from utils.psd_sections import Psd as Document
from utils.psd_sections import lean_resources, read

RAW, PACKBITS = 0, 1
COLOUR_CHANNELS = {0: 1, 1: 1, 2: 1, 3: 3, 4: 4, 7: 1, 8: 1, 9: 3}
"""By colour mode: bitmap, grey, indexed, RGB, CMYK, multichannel, duotone, Lab."""


def look_psd(data: bytes, decoder: str, exact: bool = True) -> dict[str, Any]:
    """As `look.raster`, with the layers compared byte for byte, also where Pillow has no mode for the depth."""
    document = read(data)
    composite = _composite(document)
    if composite is None and document.coding in (RAW, PACKBITS):
        raise UnprocessableImage("the merged picture is cut short")
    try:
        facts = look.raster(data, decoder, exact)
    except UnprocessableImage:
        if composite is None:
            raise
        facts = {"pixels": b"", "thumbs": [bytes(4 * look.THUMB**2)], "icc": b""}
    seen = (facts["pixels"], document.composite if composite is None else composite, document.colours, document.layers)
    digest = hashlib.blake2b(digest_size=16)
    for part in seen:
        digest.update(part)
    return facts | {"frames": 1, "thumbs": facts["thumbs"][:1], "pixels": digest.digest()}


def _composite(document: Document) -> bytes | None:
    """Every channel of the merged picture unpacked; None where it is damaged, or in ZIP, which is not written here."""
    from utils.tiff_samples import unpackbits

    stored, rows, size = document.composite, document.channels * document.height, _row_bytes(document)
    if document.coding == RAW:
        return stored if len(stored) >= rows * size else None
    if document.coding != PACKBITS or len(stored) < 2 * rows:
        return None
    counts = struct.unpack_from(f">{rows}H", stored)
    ends = list(accumulate(counts, initial=2 * rows))
    if ends[-1] > len(stored):
        return None
    try:
        return unpackbits([stored[start:end] for start, end in pairwise(ends)], size)
    except ValueError:
        return None


def _row_bytes(document: Document) -> int:
    return (document.width * document.depth + 7) // 8


def pack_composite(data: bytes) -> bytes | None:
    """The document with its raw merged picture in PackBits; None where it is packed already or odd."""
    from utils.tiff_packing import packbits

    document = read(data)
    rows, size = document.channels * document.height, _row_bytes(document)
    if document.coding != RAW or document.depth != 8 or len(document.composite) != rows * size:
        return None
    packed = packbits(document.composite, size)
    counts = struct.pack(f">{rows}H", *map(len, packed))
    return replace(document, coding=PACKBITS, composite=counts + b"".join(packed)).write()


class Psd(Optimizer):
    """Photoshop documents up to 30,000 pixels a side."""

    spec = FormatSpec("psd", "image/vnd.adobe.photoshop", ("psd",), decoder="PSD", passthrough=True)
    on_pages = False
    look = staticmethod(look_psd)
    outlook = staticmethod(psd_outlook.outlook)
    fits = psd_outlook.FITS

    @staticmethod
    def sample() -> bytes:
        header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 8, 8, 8, 3)
        return header + bytes(12) + struct.pack(">H", RAW) + bytes(range(64)) * 3

    def sniff(self, head: bytes) -> bool:
        """The signature and one of the two versions."""
        return head[:6] in (b"8BPS\0\1", b"8BPS\0\2")

    def inspect(self, data: bytes) -> ImageInfo:
        """Size, depth and whether the composite has a channel beyond its colours."""
        document = read(data)
        return ImageInfo(
            document.width,
            document.height,
            alpha=document.channels > COLOUR_CHANNELS.get(document.mode, document.channels),
            bit_depth=document.depth,
            channels=document.channels,
            metadata=len(document.resources),
        )

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned | None:
        """Without the personal image resources; colour profile, paths, guides and layers stay."""
        if metadata is Metadata.ALL:
            return Cleaned(data)
        document = read(data)
        try:
            lean, found = lean_resources(document.resources, keep_copyright=metadata is Metadata.SAFE)
        except ValueError:
            return Cleaned(data, kept=(OTHER,))
        if not found:
            return Cleaned(data)
        return Cleaned(replace(document, resources=lean).write(), tuple(dict.fromkeys(found)))

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """The merged picture, where an old program left it raw."""
        if read(cleaned).coding == RAW and (smaller := await tools.call(pack_composite, cleaned)) is not None:
            yield Candidate(smaller, "packbits", lossless=True)
