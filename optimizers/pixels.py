"""Decoded pictures, made in isolated workers: whole ones for conversions, parts of large ones for trials."""

import io
import itertools
import zlib
from math import ceil, sqrt
from typing import Any

from optimizers.look import eight_bit, opened
from utils.png_chunks import Chunk, join, split
from utils.png_plain import plain, png_of

TILE = 256
"""Pixels a side; a multiple of every codec's blocks, so that a part is cut like the whole."""
SEEN_FROM = 128
"""Opacity from which a mask shows a pixel."""
STRIP = 1 << 18
"""Pixels mixed at a time."""
TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""EXIF orientation to the transposition of Pillow that undoes it."""


def decode(data: bytes, decoder: str, orientation: int, animated: bool) -> dict[str, Any]:
    """Upright frames as PNG, with what else `Pixels` holds; raises UnprocessableImage."""
    frames, icc = [], b""
    with opened(data, decoder) as image:
        alpha, exif = image.has_transparency_data, image.info.get("exif") or b""
        count = image.n_frames if animated else 1
        for index in range(count):
            if animated:  # of a still's pages, the one that the file opens with is shown
                image.seek(index)
            shown, icc = as_rgb(image, alpha)
            shown = shown.transpose(TURNS[orientation]) if orientation in TURNS else shown
            frames.append(png_of(shown, count * shown.width * shown.height))
    return {
        "frames": frames,
        "width": shown.width,
        "height": shown.height,
        "alpha": alpha,
        "icc": icc,
        "exif": exif.removeprefix(b"Exif\0\0"),
    }


def flatten(png: bytes, background: tuple[int, int, int]) -> bytes:
    """The picture on a background, mixed in linear light as light mixes; by rows, for the sake of memory."""
    from PIL import Image

    with opened(png, "PNG") as image:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        made = Image.new("RGB", image.size)
        rows = max(1, STRIP // image.width)
        for top in range(0, image.height, rows):
            strip = image.crop((0, top, image.width, min(top + rows, image.height)))
            made.paste(_mixed(strip, background), (0, top))
    return png_of(made)


def _mixed(image: Any, background: tuple[int, int, int]) -> Any:
    import numpy as np
    from PIL import Image

    rgba = np.asarray(image)
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4).astype(np.float32)
    alpha = rgba[..., 3:].astype(np.float32) / 255
    mixed = linear[rgba[..., :3]] * alpha + linear[np.array(background)] * (1 - alpha)
    encoded = np.where(mixed <= 0.0031308, mixed * 12.92, 1.055 * mixed ** (1 / 2.4) - 0.055)
    return Image.fromarray((encoded * 255 + 0.5).astype(np.uint8))


def profiled(png: bytes, icc: bytes) -> bytes:
    """The PNG with the profile that its colours are in."""
    if not icc:
        return png
    header, *rest = split(png)[0]
    return join([header, Chunk(b"iCCP", b"ICC\0\0" + zlib.compress(icc)), *rest])


def sample(data: bytes, decoder: str, budget: int) -> bytes:
    """A picture of about `budget` pixels as PNG: tiles that show as much detail, rank by rank, as the whole does."""
    import numpy as np

    with opened(data, decoder) as image:
        alpha = image.has_transparency_data
        picture = eight_bit(image) if image.mode in ("I", "F") else image

        def tile(corner: tuple[int, int]) -> Any:
            top, left = corner
            return np.asarray(as_rgb(picture.crop((left, top, left + TILE, top + TILE)), alpha)[0])

        corners = itertools.product(range(0, picture.height - TILE + 1, TILE), range(0, picture.width - TILE + 1, TILE))
        ranked = sorted(corners, key=lambda corner: float(tile(corner)[::2, ::2].std()))
        count = min(len(ranked), max(1, budget // TILE**2))
        chosen = [tile(ranked[int((rank + 0.5) * len(ranked) / count)]) for rank in range(count)]
    across = ceil(sqrt(len(chosen)))
    chosen += chosen[: -len(chosen) % across]
    lines = [np.hstack(chosen[at : at + across]) for at in range(0, len(chosen), across)]
    return plain(np.vstack(lines))


def mask(png: bytes) -> bytes:
    """The picture with every pixel opaque or clear."""
    with opened(png, "PNG") as image:
        shown = image.convert("RGBA")
        shown.putalpha(shown.getchannel("A").point(lambda a: 255 if a >= SEEN_FROM else 0))
        return png_of(shown)


def as_rgb(image: Any, alpha: bool) -> tuple[Any, bytes]:
    """The picture in 8-bit RGB or RGBA, and its profile where that is one of RGB."""
    icc = image.info.get("icc_profile") or b""
    if image.mode in ("RGB", "RGBA", "P", "RGBX"):
        mode = "RGBA" if alpha else "RGB"
        return image if image.mode == mode else image.convert(mode), icc
    if image.mode.startswith("I;16"):
        image = image.point(lambda v: v / 257).convert("L")
    elif image.mode in ("I", "F"):
        image = eight_bit(image)
    if icc and image.mode in ("CMYK", "LAB", "L"):
        return _to_srgb(image, icc), b""
    return image.convert("RGBA" if alpha else "RGB"), b""


def _to_srgb(image: Any, icc: bytes) -> Any:
    from PIL import ImageCms

    try:
        return ImageCms.profileToProfile(image, io.BytesIO(icc), ImageCms.createProfile("sRGB"), outputMode="RGB")
    except ImageCms.PyCMSError:  # a profile that is broken or for other samples says nothing
        return image.convert("RGB")
