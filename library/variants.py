"""What is made of an image: pictures by name, each of a size, a quality and a format."""

from dataclasses import dataclass

from optimizers.fit import Fit
from optimizers.jpeg import Jpeg
from optimizers.png import Png
from optimizers.policy import Metadata, Policy
from optimizers.rendering import Rendition
from optimizers.webp import Webp

FITS = {"contain": Fit.INSIDE, "cover": Fit.COVER}


@dataclass(frozen=True, slots=True)
class Variant:
    """One picture to be made of each image; `formats` are that of opaque ones and that of those with transparency."""

    name: str
    width: int
    height: int
    quality: int
    fit: Fit = Fit.INSIDE
    formats: tuple[str, str] = (Jpeg.spec.name, Png.spec.name)

    def rendition(self) -> Rendition:
        """Its size, as the engine takes it."""
        return Rendition(self.width, self.height, self.fit)

    def policy(self, *, alpha: bool) -> Policy:
        """Its quality and format, without a word of metadata."""
        return Policy(self.quality, named=True, targets=(self.format(alpha=alpha),), metadata=Metadata.NONE)

    def format(self, *, alpha: bool) -> str:
        """The format's name."""
        return self.formats[alpha]

    def size_of(self, width: int, height: int) -> tuple[int, int]:
        """What an image of that size becomes; nothing is enlarged."""
        if self.fit is Fit.INSIDE:
            scale = min(1.0, self.width / width, self.height / height)
            return max(1, round(width * scale)), max(1, round(height * scale))
        scale = min(1.0, width / self.width, height / self.height)
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))


def square(name: str, side: int, quality: int) -> Variant:
    """A variant of /api/v1: WebP, no side longer than that."""
    return Variant(name, side, side, quality, formats=(Webp.spec.name, Webp.spec.name))


def object_key(variant: str, asset_id: str, extension: str) -> str:
    """Where a variant lies in its bucket: the same in every try, and never another asset's."""
    return f"processed/{variant}/{asset_id}_{variant}.{extension}"
