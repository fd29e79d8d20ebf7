"""How fine a grid a drawing's paths need to look the same.

A point may move by at most half of 1 / `steps_across` of the drawing's side, after every transform on the way to the
screen. Where the way is not known (patterns, markers, symbols, animations, CSS that transforms), all stays exact.
"""

import math
import re
from xml.etree.ElementTree import Element

from optimizers.svg_matrix import matrix_of, stretch
from optimizers.svg_path import LARGEST, NUMBER
from optimizers.svg_path_writer import number, shorten, shortest
from optimizers.svg_tree import local
from security.svg_rules import ANIMATIONS

FINER = 10
"""How much finer than the slack numbers may be written."""
MOST_DECIMALS = 12
LONGEST_PATH = 4 << 20
SHAPES = {
    "rect": ("x", "y", "width", "height", "rx", "ry"),
    "circle": ("cx", "cy", "r"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "line": ("x1", "y1", "x2", "y2"),
    "use": ("x", "y"),
}
FAR_AWAY = frozenset(("pattern", "marker", "symbol"))
STORED = frozenset(("defs", "clipPath", "mask"))
UNITS = ("clipPathUnits", "maskContentUnits")


def shorten_numbers(root: Element, steps_across: int) -> None:
    """Rewrite paths, points and shapes of the drawing in place where that makes them shorter."""
    scales = _scales(root)
    widest = max(scale for _, scale in scales.values())
    names = {local(element) for element in root.iter()}
    exact = bool(names & ANIMATIONS) or _styled_transforms(root)
    side = 0.0 if exact else _side(root)
    step = side / steps_across if 0 < side < math.inf else 0.0
    for element, (stored, scale) in scales.items():
        reach = scale * widest if stored or "use" in names else scale
        own_step = step / reach if 0 < reach < math.inf else 0.0
        _shorten_path(element, own_step, markers="marker" in names)
        _shorten_shape(element, own_step)


def _shorten_path(element: Element, step: float, markers: bool) -> None:
    path = element.get("d", "")
    if local(element) != "path" or not 0 < len(path) < LONGEST_PATH:
        return
    try:
        decimals = min(_exact_decimals(path), _decimals(step / FINER))
        written = shorten(path, decimals, step / 2, keep_vertices=markers)
    except ValueError:
        return
    if len(written) < len(path):
        element.set("d", written)


def _shorten_shape(element: Element, step: float) -> None:
    decimals = _decimals(step / FINER)
    for name in SHAPES.get(local(element), ()) if step else ():
        value = element.get(name, "")
        if NUMBER.fullmatch(value) and abs(float(value)) < LARGEST:
            written = number(shortest(float(value) * 10**decimals, step / 2 * 10**decimals, decimals), decimals)
            if len(written) < len(value) and written != "0":
                element.set(name, written)


def _decimals(step: float) -> int:
    """How many decimals make steps that small; all that matter where there may be no step at all."""
    return min(MOST_DECIMALS, max(0, math.ceil(-math.log10(step)))) if step else MOST_DECIMALS


def _scales(root: Element) -> dict[Element, tuple[bool, float]]:
    """For each element whether it is only stored for use elsewhere, and the largest stretch between it and the root."""
    found = {}
    waiting = [(root, False, 1.0)]
    while waiting:
        element, stored, scale = waiting.pop()
        name = local(element)
        stored = stored or name in STORED
        if name in FAR_AWAY or (name == "svg" and element is not root) or _boxed(element):
            scale = math.inf
        else:
            scale *= stretch(matrix_of(element.get("transform", "")))
        found[element] = stored, scale
        waiting += [(child, stored, scale) for child in element]
    return found


def _boxed(element: Element) -> bool:
    return any(element.get(units) == "objectBoundingBox" for units in UNITS)


def _styled_transforms(root: Element) -> bool:
    """Whether CSS moves things about."""
    return any(
        "transform" in text or "scale" in text or "zoom" in text
        for element in root.iter()
        for text in (element.get("style", ""), (element.text or "") if local(element) == "style" else "")
    )


def _side(root: Element) -> float:
    """The longer side of what is shown, in the units paths are drawn in; 0 where it is not known."""
    numbers = [float(part) for part in NUMBER.findall(root.get("viewBox", ""))]
    if len(numbers) == 4:
        return max(numbers[2:])
    sides = [re.fullmatch(rf"\s*({NUMBER.pattern})\s*(?:px)?\s*", root.get(name, "")) for name in ("width", "height")]
    return max((float(side[1]) if side else 0.0) for side in sides) if all(sides) else 0.0


def _exact_decimals(path: str) -> int:
    most = 0
    for found in NUMBER.findall(path):
        digits, _, exponent = found.lower().partition("e")
        most = max(most, len(digits.partition(".")[2]) - int(exponent or 0))
    return min(most, MOST_DECIMALS)
