"""Pictures at another size: over upright PNG frames, in isolated workers, never with more pixels than they had."""

from enum import StrEnum
from math import sqrt
from typing import Any, NamedTuple

GROUND_TOLERANCE = 12
"""8-bit steps within which a ground counts as one colour."""
LOOKED_AT = 512
"""Pixels a side of the small picture on which an object is looked for."""
MARGIN = 0.08
"""Of its longer side, what an object keeps around it."""


class Fit(StrEnum):
    """What becomes of a picture whose shape is not the wished one."""

    INSIDE = "inside"
    """It keeps its shape and is no larger than wished; one side may be left open."""
    COVER = "cover"
    """It gets the wished shape: what draws least attention is cut off."""
    FILL = "fill"
    """It gets the wished shape by being squeezed."""
    OUTSIDE = "outside"
    """It keeps its shape and is no smaller than wished in either direction, as far as it reaches."""
    THUMB = "thumb"
    """An object on a plain ground is shown whole, on more or less of the ground; anything else as with COVER."""


class Window(NamedTuple):
    """The part of a picture that is shown; on a plain ground it may reach beyond the edges."""

    left: int
    top: int
    width: int
    height: int


class Plan(NamedTuple):
    """A window, the size that it is drawn at, and the ground beyond the edges, a number for each band."""

    window: Window
    width: int
    height: int
    ground: list[float]


def resized(
    frames: list[bytes], width: int | None, height: int | None, fit: str, linear: bool = False, sharpen: bool = False
) -> dict[str, Any]:
    """PNG frames at another size, all cut alike; `linear` mixes as light does, at about twice the cost."""
    plan = planned(_opened(frames[0]), width, height, Fit(fit))
    drawn = [_drawn(_opened(frame), plan, linear, sharpen) for frame in frames]
    return {"frames": drawn, "width": plan.width, "height": plan.height}


def planned(image: Any, width: int | None, height: int | None, fit: Fit) -> Plan:
    """What of a picture is shown, and how large."""
    if fit is Fit.FILL and width and height:
        scale = min(1.0, image.width / width, image.height / height)
        return Plan(
            Window(0, 0, image.width, image.height), max(1, round(width * scale)), max(1, round(height * scale)), []
        )
    if fit in (Fit.INSIDE, Fit.OUTSIDE) or not width or not height:
        ratios = [*([width / image.width] if width else []), *([height / image.height] if height else [])]
        scale = min(1.0, (max if fit is Fit.OUTSIDE else min)(ratios))
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        return Plan(Window(0, 0, image.width, image.height), *size, [])
    return (_around_object(image, width, height) if fit is Fit.THUMB else None) or _covering(image, width, height)


def _covering(image: Any, width: int, height: int) -> Plan:
    scale = min(1.0, image.width / width, image.height / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    grown = min(image.width / size[0], image.height / size[1])
    part = min(image.width, round(size[0] * grown)), min(image.height, round(size[1] * grown))
    cut = image.smartcrop(*part, interesting="attention")
    return Plan(Window(-cut.xoffset, -cut.yoffset, *part), *size, [])


def _around_object(image: Any, width: int, height: int) -> Plan | None:
    """A window of the wished shape around what stands on a plain ground; None where nothing does."""
    import numpy as np

    scale = min(1.0, LOOKED_AT / max(image.width, image.height))
    small = image.resize(scale) if scale < 1 else image
    seen = (small.premultiply().cast("uchar") if small.hasalpha() else small).numpy().astype(np.int16)
    edges = np.concatenate([seen[0], seen[-1], seen[:, 0], seen[:, -1]])
    ground = np.median(edges, axis=0)
    if np.abs(edges - ground).max() > GROUND_TOLERANCE:
        return None
    rows, columns = np.nonzero(np.abs(seen - ground).max(axis=2) > GROUND_TOLERANCE)
    if not len(rows):
        return None
    shown = [float(v) / scale for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]
    return Plan(*_centred(shown, image.width * image.height, width, height), ground.tolist())


def _centred(shown: list[float], most: int, width: int, height: int) -> tuple[Window, int, int]:
    """The window, and the size of at most so many pixels, that show an object (left, top, right, bottom) whole."""
    left, top, right, bottom = shown
    least = min(1.0, sqrt(most / (width * height)))
    size = max(1, int(width * least)), max(1, int(height * least))
    margin = 2 * MARGIN * max(right - left, bottom - top)
    grown = max(1.0, (right - left + margin) / size[0], (bottom - top + margin) / size[1])
    part = round(size[0] * grown), round(size[1] * grown)
    window = Window(round((left + right - part[0]) / 2), round((top + bottom - part[1]) / 2), *part)
    return window, *size


def _opened(png: bytes) -> Any:
    import pyvips

    pyvips.cache_set_max(0)  # a worker lives on, and nobody asks for the same picture again
    return pyvips.Image.pngload_buffer(png)


def _drawn(image: Any, plan: Plan, linear: bool, sharpen: bool) -> bytes:
    left, top, width, height = plan.window
    if plan.ground:
        image = image.embed(-left, -top, width, height, extend="background", background=plan.ground)
    elif (width, height) != (image.width, image.height):
        image = image.crop(left, top, width, height)
    if (width, height) != (plan.width, plan.height):
        # Premultiplied by the library itself, so that hidden colours do not bleed in.
        image = image.thumbnail_image(plan.width, height=plan.height, size="force", linear=linear)
        image = image.sharpen().cast("uchar") if sharpen else image
    return bytes(image.pngsave_buffer(compression=1, keep="none"))
