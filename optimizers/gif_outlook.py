"""What will be left of a GIF: how many bits its pixels take tells runs from noise."""

from collections.abc import Mapping
from math import log

from optimizers.base import ImageInfo
from optimizers.policy import Policy
from optimizers.prediction import Fit, Head, Outlook, density, wanted_quality
from utils import gif_blocks

FITS: dict[str, Fit] = {}
FLAT_COLOURS = 16


def outlook(info: ImageInfo, head: Head, policy: Policy, seen: Mapping[str, float]) -> Outlook:
    """Bent where its colours bear it, else packed again."""
    gif = gif_blocks.parse(head.data if head.whole else gif_blocks.closed(head.data))
    quality = wanted_quality(policy)
    images = gif.images
    colours = max(image.colours or gif.screen.colours for image in images)
    area = sum(image.area for image in images)
    coded = sum(len(image.coded) for image in images)
    moving = bool(info.durations)
    traits = {
        "density": density(head.size, info.width, info.height, info.frames),
        "bits": log(max(coded, 1) / max(area, 1)),
        "pixels": log(info.width * info.height),
        "cover": area / (info.width * info.height * info.frames),
        "quality": quality / 100,
        "colours": log(colours) if colours else 0.0,
        "moving": float(moving),
        **seen,
    }
    bent = not policy.lossless and colours > FLAT_COLOURS
    case = ("film" if moving else "still") if bent else "packed"
    return Outlook(case + (" seen" if seen else ""), head.size, traits, "gifsicle lossy" if bent else "gifsicle")
