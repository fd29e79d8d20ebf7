"""The suite's vocabulary for pictures: made here, compared here."""

import io
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw


def photo(width: int = 160, height: int = 120, seed: int = 1) -> Image.Image:
    """A smooth scene with grain: what a lossy encoder is made for."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    planes = [np.sin(6 * x + seed + k) + np.cos(5 * y * (k + 1)) for k in range(3)]
    scene = np.stack([(p - p.min()) / (p.max() - p.min()) for p in planes], axis=-1) * 235 + 10
    return Image.fromarray(np.clip(scene + rng.normal(0, 4, scene.shape), 0, 255).astype("uint8"), "RGB")


def graphic(width: int = 160, height: int = 120, alpha: bool = False) -> Image.Image:
    """Flat shapes with hard edges; with `alpha`, on a transparent ground."""
    image = Image.new("RGBA" if alpha else "RGB", (width, height), (255, 255, 255, 0) if alpha else "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 8, height // 8, width // 2, height // 2), fill=(220, 40, 40))
    draw.ellipse((width // 3, height // 3, width - 10, height - 10), fill=(40, 90, 200))
    draw.line((0, height, width, 0), fill=(20, 20, 20), width=2)
    return image


def encode(image: Image.Image, format: str, **options: Any) -> bytes:
    """The picture as a file's bytes, by Pillow."""
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def decode(data: bytes) -> Image.Image:
    """The picture in a file's bytes."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def difference(a: Image.Image, b: Image.Image) -> float:
    """Mean absolute difference of two pictures in 8-bit RGBA steps."""
    assert a.size == b.size, f"{a.size} is not {b.size}"
    delta = ImageChops.difference(a.convert("RGBA"), b.convert("RGBA"))
    return float(np.asarray(delta).mean())
