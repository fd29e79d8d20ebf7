"""Tiny pictures for self-tests and contracts, made by Pillow in an isolated worker."""

import io
from typing import Any

SIDE = 24


def still(encoder: str, mode: str = "RGB", **options: Any) -> bytes:
    """A small gradient with a hard edge, written by one of Pillow's encoders."""
    out = io.BytesIO()
    _picture(0).convert(mode).save(out, encoder, **options)
    return out.getvalue()


def moving(encoder: str, **options: Any) -> bytes:
    """Three frames of it, 100 ms each, for ever."""
    out = io.BytesIO()
    first, *rest = (_picture(shift) for shift in (0, 6, 12))
    first.save(out, encoder, save_all=True, append_images=rest, duration=100, loop=0, **options)
    return out.getvalue()


def _picture(shift: int) -> Any:
    from PIL import Image

    image = Image.radial_gradient("L").resize((SIDE, SIDE))
    picture = Image.merge("RGB", (image, image.rotate(90), image.point(lambda v: 255 - v)))
    picture.paste((250, 20, 20), (shift, 4, shift + 8, 12))
    return picture
