"""Pictures for the screenshots, made here: landscapes, spheres, a logo, a drawing."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Floats = NDArray[np.float64]


def noise(size: int, octaves: int, rng: np.random.Generator) -> Floats:
    """A line of fractal noise between -1 and 1."""
    x = np.linspace(0, 1, size)
    line = np.zeros(size)
    for octave in range(octaves):
        knots = rng.normal(size=4 * 2**octave + 2)
        line += np.interp(x, np.linspace(0, 1, len(knots)), knots) * 0.55**octave
    return line / np.abs(line).max()


def landscape(width: int, height: int, seed: int, sky: tuple[str, str], land: tuple[str, str]) -> Image.Image:
    """Ridges that fade into the distance, with the grain of a film."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    above, below, far, near = (np.array(Image.new("RGB", (1, 1), c))[0, 0] / 255 for c in (*sky, *land))
    share = np.clip(y / (0.62 * height), 0, 1)[..., None] ** 1.3
    picture = above * (1 - share) + below * share
    sun = np.hypot(x - 0.68 * width, y - 0.36 * height) / height
    picture += np.exp(-((sun / 0.035) ** 4))[..., None] * 0.5 + np.exp(-sun * 5)[..., None] * [0.30, 0.20, 0.08]
    for depth in np.linspace(0, 1, 6):
        ridge = height * (0.46 + 0.42 * depth) + noise(width, 9, rng) * height * (0.13 - 0.05 * depth)
        colour = far * (1 - depth) + near * depth
        haze = np.clip((y - ridge) / (0.22 * height), 0, 1)[..., None] * (1 - depth) * 0.5
        texture = rng.normal(0, 0.008 + 0.02 * depth, (height, width, 1))
        picture = np.where((y > ridge)[..., None], colour * (1 - haze) + below * haze + texture, picture)
    picture += rng.normal(0, 0.012, picture.shape)
    return Image.fromarray((np.clip(picture, 0, 1) * 255).astype("uint8"))


def spheres(width: int, height: int) -> Image.Image:
    """Lit balls on a plain ground."""
    y, x = np.mgrid[0:height, 0:width] / height
    picture = np.dstack([0.93 - 0.10 * y, 0.90 - 0.10 * y, 0.86 - 0.08 * y])
    for cx, cy, r, colour in (
        (0.42, 0.55, 0.26, (0.80, 0.29, 0.18)),
        (0.86, 0.64, 0.17, (0.13, 0.44, 0.27)),
        (1.12, 0.47, 0.11, (0.93, 0.72, 0.25)),
    ):
        shadow = np.exp(-(((x - cx - 0.06) / (1.2 * r)) ** 2 + ((y - cy - r) / (0.28 * r)) ** 2) * 2)
        picture *= 1 - 0.45 * shadow[..., None]
        dx, dy = (x - cx) / r, (y - cy) / r
        inside = np.clip((1 - np.hypot(dx, dy)) * r * height / 1.5, 0, 1)[..., None]
        depth = np.sqrt(np.clip(1 - dx**2 - dy**2, 0, 1))
        light = np.clip(-0.5 * dx - 0.6 * dy + 0.62 * depth, 0, 1)[..., None]
        ball = np.array(colour) * (0.28 + 0.8 * light) + 0.7 * light**24
        picture = picture * (1 - inside) + ball * inside
    return Image.fromarray((np.clip(picture, 0, 1) * 255).astype("uint8"))


def logo(size: int) -> Image.Image:
    """A mark on a transparent ground, with soft edges."""
    large = Image.new("RGBA", (4 * size, 4 * size))
    draw = ImageDraw.Draw(large)
    for n, colour in enumerate(("#1d6b39", "#7fd394", "#f6f5f0", "#c04a2f")):
        edge = size * (0.2 + 0.42 * n)
        draw.ellipse((edge, edge, 4 * size - edge, 4 * size - edge), fill=colour)
    return large.resize((size, size), Image.Resampling.LANCZOS)


DRAWING = b"""<?xml version="1.0"?><!-- made by hand --><svg xmlns="http://www.w3.org/2000/svg" width="480" height="360"
 viewBox="0 0 480 360"><g id="ground"><rect x="0" y="0" width="480" height="360" style="fill:#dfeedd"/></g>
 <g id="hills"><path style="fill:#1d6b39;stroke:none" 
 d="M 0,300 L 120,150 L 210,250 L 300,120 L 480,310 L 480,360 L 0,360 Z"/>
 <circle style="fill:#c04a2f" cx="110.0000" cy="90.0000" r="34.0000"/></g></svg>"""
