"""What is known of a picture by looking at it: its perceptual hashes, its colours. Runs in an isolated worker."""

from typing import Any, TypedDict

from library.placeholder import SIDE, placeholder
from optimizers.look import opened
from optimizers.pixels import TURNS, as_rgb

SEEN = 256
"""Pixels a side from which everything is told."""
HASHED = 32
GRID = 8
"""Pixels a side of the hashes and of the thumbnail of colours."""
VISIBLE = 64.0
"""A cosine as high as a quarter of a step of 255."""
PALETTE = 8
OPAQUE = 128


class Look(TypedDict):
    """What was seen."""

    ahash: int
    """Signed, as phash."""
    phash: int
    colours: bytes
    """A thumbnail of `GRID` × `GRID` pixels, RGB."""
    dominant: str
    placeholder: bytes
    alpha: bool
    """Whether anything can be seen through."""


def fingerprint(data: bytes, decoder: str, orientation: int) -> Look:
    """Look at a picture, all of which has to be decodable. Raises UnprocessableImage."""
    import numpy as np
    from PIL import Image

    with opened(data, decoder) as image:
        if decoder == "JPEG":
            image.draft(None, (SEEN, SEEN))
        shown = as_rgb(image, image.has_transparency_data)[0].convert("RGBA")
    alpha = shown.getchannel("A").getextrema()[0] < 255
    shown = shown.transpose(TURNS[orientation]) if orientation in TURNS else shown
    shown.thumbnail((SEEN, SEEN), Image.Resampling.BOX)
    ground = Image.new("RGBA", shown.size, "white")
    seen = Image.alpha_composite(ground, shown).convert("RGB")
    grey = seen.convert("L")
    small = shown.copy()
    small.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return {
        "ahash": _average_hash(np.asarray(grey.resize((GRID, GRID), Image.Resampling.BOX), float)),
        "phash": _cosine_hash(np.asarray(grey.resize((HASHED, HASHED), Image.Resampling.LANCZOS), float)),
        "colours": seen.resize((GRID, GRID), Image.Resampling.BOX).tobytes(),
        "dominant": _dominant(np.asarray(small)),
        "placeholder": placeholder(np.asarray(small)),
        "alpha": alpha,
    }


def _average_hash(grey: Any) -> int:
    """One bit for each cell: lighter than the mean."""
    return _signed(grey > grey.mean())


def _cosine_hash(grey: Any) -> int:
    """One bit for each of the lowest 8 × 8 cosines: clearly above their median (pHash).

    In smooth pictures most cosines are next to nothing, and a bare median would make bits of an encoder's noise.
    """
    import numpy as np

    waves = np.cos(np.pi / HASHED * np.outer(np.arange(GRID), np.arange(HASHED) + 0.5))
    lowest = waves @ grey @ waves.T
    return _signed(lowest > np.median(lowest) + VISIBLE)


def _signed(bits: Any) -> int:
    """Sixty-four bits as databases keep them."""
    import numpy as np

    return int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big", signed=True)


def _dominant(rgba: Any) -> str:
    """The commonest of the picture's eight colours, `#rrggbb`; of what can be seen through, nothing counts."""
    import numpy as np
    from PIL import Image

    seen = rgba[rgba[..., 3] >= OPAQUE][:, :3]
    if not len(seen):
        return "#ffffff"
    reduced = Image.fromarray(np.ascontiguousarray(seen[None])).quantize(PALETTE)
    counts = np.bincount(np.asarray(reduced).ravel())
    red, green, blue = np.asarray(reduced.getpalette()).reshape(-1, 3)[counts.argmax()]
    return f"#{red:02x}{green:02x}{blue:02x}"
