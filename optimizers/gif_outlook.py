"""What will be left of a GIF: how far its colours may be bent, and how much of its frames stands still."""

from collections.abc import Mapping
from math import log

from optimizers.base import ImageInfo
from optimizers.gif_tolerance import is_flat
from optimizers.policy import Policy
from optimizers.prediction import SEEN, Fit, Head, Outlook, density, wanted_quality
from utils import gif_blocks

# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).
FITS: dict[str, Fit] = {
    # 1 rows, 70.3
    "film": Fit({"one": -1.213}, -1.213, 0.0),
    # 58 rows, 15.3
    "film bent": Fit({"one": -0.068, "bits": -0.206, "pixels": -0.086, "quality": 0.377}, -0.391, 0.197),
    # 52 rows, 7.0
    "film seen": Fit({"one": -0.005, "left": 0.956}, -0.323, 0.111),
    # 2 rows, 0.3
    "still": Fit({"one": -0.164}, -0.003, 0.003),
    # 71 rows, 17.3
    "still bent": Fit({"one": -0.338}, -0.718, 0.15),
    # 33 rows, 1.6
    "still seen": Fit({"one": -0.006, "left": 0.99}, -0.179, 0.004),
    # 109 rows, 8.4
    "unread": Fit({"one": -0.283}, -0.612, 0.278),
}
TRIED_PIXELS, LARGEST_FRAME = 80_000, 320_000
"""So many pixels of the first frames are tried, and of one frame at most."""
TRIED_FRAMES = 8


def first_frames(gif: gif_blocks.Gif) -> gif_blocks.Gif:
    """The file up to the frame with which it has enough pixels to tell of the rest."""
    pixels = frames = 0
    for at, block in enumerate(gif.blocks):
        if isinstance(block, gif_blocks.Image):
            pixels, frames = pixels + block.area, frames + 1
            if pixels >= TRIED_PIXELS or frames == TRIED_FRAMES:
                return gif_blocks.Gif(gif.screen, gif.blocks[: at + 1])
    return gif


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """Bent where its colours bear it, else packed again."""
    gif = gif_blocks.parse(head.data if head.whole else gif_blocks.closed(head.data))
    moving = any(isinstance(block, gif_blocks.Extension) and block.is_loop for block in gif.blocks) or info.frames > 1
    quality = wanted_quality(policy)
    bent = not policy.lossless and not is_flat(gif)
    traits = {**_told(gif, info), "quality": quality / 100, **seen}
    case = ("film" if moving else "still") + (SEEN if seen else " bent" if bent else "")
    return Outlook(case, head.size, traits, "gifsicle lossy" if bent else "gifsicle")


def _told(gif: gif_blocks.Gif, info: ImageInfo) -> dict[str, float]:
    """What the frames' headers tell."""
    area, coded = sum(image.area for image in gif.images), max(1, sum(len(image.coded) for image in gif.images))
    return {
        "density": density(coded, info.width, info.height, info.frames),
        "bits": log(coded / max(area, 1)),
        "pixels": log(info.width * info.height),
        "cover": area / (info.width * info.height * info.frames),
        "palettes": log(1 + sum(len(image.palette) for image in gif.images) / coded),
    }
