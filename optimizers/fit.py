"""What of a picture is shown at another size, and how large; it never gets more pixels than it had."""

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
    """What becomes of a picture whose shape is not the wished one; where one side is left open, it keeps its shape.

    Where it is smaller than wished, it gets the wished shape, not the size.
    """

    INSIDE = "inside"
    """It keeps its shape and is no larger than wished."""
    OUTSIDE = "outside"
    """It keeps its shape and is no smaller than wished, if it can be."""
    FILL = "fill"
    """It gets the wished shape: squeezed."""
    COVER = "cover"
    """It gets the wished shape: what is furthest from the middle is cut off."""
    ATTENTION = "attention"
    """It gets the wished shape: what draws least attention is cut off."""
    THUMB = "thumb"
    """An object on a plain ground is shown whole, on more or less of the ground; anything else as with ATTENTION."""


LOOKING = (Fit.ATTENTION, Fit.THUMB)
"""What goes by the pixels, not by the size alone."""


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

    @property
    def reduction(self) -> float:
        """How many pixels of the picture become one, along the side where they are fewest."""
        return min(self.window.width / self.width, self.window.height / self.height)

    def on(self, width: int, height: int, across: int, down: int) -> "Plan":
        """The same of a copy of `across` by `down` pixels of a picture that was `width` by `height`."""
        left, top, wide, high = self.window
        part = min(across, round(wide * across / width)), min(down, round(high * down / height))
        window = Window(round(left * across / width), round(top * down / height), *part)
        return self._replace(window=window._replace(left=min(window.left, across - part[0]),
                                                    top=min(window.top, down - part[1])))  # fmt: skip


def planned(across: int, down: int, width: int | None, height: int | None, fit: Fit) -> Plan:
    """For a picture of `across` by `down` pixels, by its size alone."""
    whole = Window(0, 0, across, down)
    ratios = [wish / side for wish, side in ((width, across), (height, down)) if wish]
    if fit in (Fit.INSIDE, Fit.OUTSIDE) or not width or not height:
        scale = min(1.0, max(ratios) if fit is Fit.OUTSIDE else min(ratios))
        return Plan(whole, max(1, round(across * scale)), max(1, round(down * scale)), [])
    size = _shaped(across, down, width, height)
    if fit is Fit.FILL:
        return Plan(whole, *size, [])
    part = _part(across, down, *size)
    return Plan(Window((across - part[0]) // 2, (down - part[1]) // 2, *part), *size, [])


def looked_at(image: Any, width: int, height: int, fit: Fit) -> Plan:
    """The same by what there is to see in a picture of libvips."""
    return (_around_object(image, width, height) if fit is Fit.THUMB else None) or _attended(image, width, height)


def _shaped(across: int, down: int, width: int, height: int) -> tuple[int, int]:
    """The wished size, or the largest of its shape within the picture."""
    scale = min(1.0, across / width, down / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _part(across: int, down: int, width: int, height: int) -> tuple[int, int]:
    """The largest part of this shape."""
    grown = min(across / width, down / height)
    return min(across, round(width * grown)), min(down, round(height * grown))


def _attended(image: Any, width: int, height: int) -> Plan:
    size = _shaped(image.width, image.height, width, height)
    part = _part(image.width, image.height, *size)
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
