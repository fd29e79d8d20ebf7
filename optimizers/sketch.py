"""Cheap statistics of a picture's pixels, taken in an isolated worker: what its header does not tell."""

import io
import zlib
from math import log
from typing import Any

from optimizers.look import opened

TILE = 96
TILES = 10
"""Squares that are looked at, spread evenly over the picture: 92,000 pixels."""
TRIAL_QUALITY = 75
SKETCH_PIXELS, SKETCH_BYTES = 1_200_000, 1 << 20
"""Up to which size a picture is decoded within 20 ms."""
COLOURS = 64
MANY_SHADES = 4096


def sketch(data: bytes, decoder: str) -> dict[str, float]:
    """Traits of the first frame: bytes a pixel of trials, and how flat it is; raises UnprocessableImage."""
    with opened(data, decoder) as image:
        part = part_of(image)
    return traits_of(part)


def part_of(image: Any) -> Any:
    """Tiles of a picture side by side, in RGB or RGBA."""
    image.load()
    return _tiles(image).convert("RGBA" if image.has_transparency_data else "RGB")


def _tiles(image: Any) -> Any:
    from PIL import Image

    across, down = image.width // TILE, image.height // TILE
    if across * down <= TILES:
        return image
    part = Image.new(image.mode, (TILE * TILES, TILE))
    if image.mode == "P":
        part.putpalette(image.getpalette())
        part.info.update(image.info)
    for number in range(TILES):
        place = int((number + 0.5) * across * down / TILES)
        # A stride that shares no factor with the width keeps the tiles out of one column.
        left, top = (place + number * 7) % across * TILE, place // across * TILE
        part.paste(image.crop((left, top, left + TILE, top + TILE)), (number * TILE, 0))
    return part


def traits_of(part: Any) -> dict[str, float]:
    """What is seen in a part of a picture."""
    import numpy as np

    pixels = np.asarray(part).astype(np.int16)
    step = np.abs(pixels[:, 1:] - pixels[:, :-1]).max(axis=-1)
    area = part.width * part.height
    flat = part.convert("RGB")
    trial = io.BytesIO()
    flat.save(trial, "JPEG", quality=TRIAL_QUALITY)
    few = flat.quantize(COLOURS, method=2, dither=0)
    return {
        "detail": log(max(trial.tell() - 600, 50) / area),
        "drawn": log(max(len(zlib.compress(few.tobytes(), 6)), 50) / area),
        "flat": float((step == 0).mean()),
        "shades": log(len(part.getcolors(MANY_SHADES) or range(MANY_SHADES))),
        "levels": log(max(len(np.unique(pixels[..., channel])) for channel in range(3))),
        "edges": float((step > 24).mean()),
        "grain": float(((step > 0) & (step <= 6)).mean()),
    }
