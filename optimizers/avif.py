"""AVIF: cleaned; re-encoded only where the request itself names a quality and nothing but precision is lost."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from optimizers import heif, heif_outlook
from optimizers.avif_carried import graft, quantizer_of, read_carried
from optimizers.avif_encoding import (
    COLOUR_CONTRAST,
    SPEED,
    dial_of,
    encode,
    highest_quality,
    recode,
    source_quality,
    subsampling,
    upright,
)
from optimizers.base import Candidate, Cleaned, Encoder, FormatSpec, ImageInfo, Pixels, Target
from optimizers.jpeg_recipe import chroma_contrast
from optimizers.policy import Effort, Metadata, Policy
from optimizers.prediction import Head
from optimizers.samples import still
from optimizers.toolbox import Toolbox
from utils.isobmff import brands

METHOD = "aom"
BRANDS = {b"avif", b"avis"}
WORTH = 0.9
"""A second generation has to save a tenth: an encode of our own output saves at most 4 %."""


class Avif(Target):
    """AV1 pictures in a HEIF file."""

    spec = FormatSpec(name="avif", mime="image/avif", extensions=("avif", "avifs"), decoder="AVIF")
    rank = 2
    outlook = staticmethod(heif_outlook.recoded)
    fits = heif_outlook.FITS
    decode = staticmethod(upright)
    trait = staticmethod(chroma_contrast)

    @staticmethod
    def sample() -> bytes:
        return still("AVIF")

    def sniff(self, head: bytes) -> bool:
        """By its brands: the major one, or a general one with AVIF's among the compatible ones."""
        found = brands(head)
        return bool(found) and (found[0] in BRANDS or (found[0] in heif.GENERAL_BRANDS and bool(BRANDS & set(found))))

    def inspect(self, data: bytes) -> ImageInfo:
        """See heif.inspect."""
        info = heif.inspect(data)
        found = quantizer_of(data) if not info.durations else None
        return info if found is None else replace(info, source_quality=source_quality(found))

    def inspect_head(self, head: Head) -> ImageInfo:
        """As far as the boxes that describe the file are there."""
        return self.inspect(heif.padded(head))

    async def sketch(self, data: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Mapping[str, float] | None:
        """None: the header tells all, and decoding takes long."""
        return None

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned:
        """See heif.clean."""
        return heif.clean(data, metadata)

    async def recoders(self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """One, for a still of eight bits that has no more to it than the encoder can write."""
        if not policy.named or info.frames > 1 or info.bit_depth > 8:
            return ()
        carried = read_carried(cleaned)
        highest = highest_quality(carried.quantizer) if carried else 0
        if carried is None or not highest:
            return ()

        async def probe(png: bytes, quality: int) -> bytes | None:
            return await tools.call(encode, png, _settings(quality, policy.effort, carried.subsampling))

        async def whole(quality: int) -> Candidate | None:
            settings = _settings(quality, policy.effort, carried.subsampling)
            made = await tools.call(recode, cleaned, settings, len(carried.exif), carried.xmp)
            return _candidate(graft(made, carried) if made else None, quality, policy.effort)

        return (Encoder(METHOD, whole, probe, highest=highest),)

    async def encoders(self, pixels: Pixels, policy: Policy, tools: Toolbox) -> Sequence[Encoder]:
        """libaom over the pixels."""
        png = pixels.frames[0]
        edgy = (await pixels.ask(chroma_contrast, tools) or 0.0) >= COLOUR_CONTRAST

        async def probe(part: bytes, quality: int) -> bytes | None:
            return await tools.call(encode, part, _settings(quality, policy.effort, subsampling(quality, edgy=edgy)))

        async def whole(quality: int) -> Candidate | None:
            settings = _settings(quality, policy.effort, subsampling(quality, edgy=edgy))
            return _candidate(await tools.call(encode, png, settings, pixels.icc, pixels.exif), quality, policy.effort)

        return (Encoder(METHOD, whole, probe),)

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """One encode, where the source is finer than asked."""
        for encoder in () if policy.lossless else await self.recoders(cleaned, info, policy, tools):
            made = await encoder.encode(policy.quality) if policy.quality <= encoder.highest else None
            if made and len(made.data) < WORTH * len(cleaned):
                yield made


def _settings(quality: int, effort: Effort, colour: str) -> dict[str, Any]:
    return {"quality": dial_of(quality, effort), "speed": SPEED[effort], "subsampling": colour}


def _candidate(data: bytes | None, quality: int, effort: Effort) -> Candidate | None:
    return Candidate(data, METHOD, lossless=False, dial=dial_of(quality, effort), quality=quality) if data else None
