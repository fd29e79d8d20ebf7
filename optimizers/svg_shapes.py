"""Shapes as paths, transforms worked into paths, neighbours drawn in one: for drawings without style sheets and motion.

What is painted with a gradient or pattern, clipped, masked or filtered stays as it is: those may go by an element's
own box and axes.
"""

import math
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from optimizers.svg_matrix import IDENTITY, matrix_of, moved
from optimizers.svg_path import NUMBER, Segment, parse
from optimizers.svg_tree import Heritage, local

NOT_SO_PLAIN = {"rx", "ry", "pathLength", "style"}
POINTS = re.compile(r"[\s,]+")
PLAIN_SHAPE = {
    "rect": ("x", "y", "width", "height"),
    "line": ("x1", "y1", "x2", "y2"),
    "polygon": ("points",),
    "polyline": ("points",),
}
BY_BOX = ("clip-path", "mask", "filter", "pathLength", "transform-origin", "vector-effect")
MARKS = ("marker", "marker-start", "marker-mid", "marker-end")
MOST_MERGED = 64
SQUARE = 2**0.5
Box = tuple[float, float, float, float]


def as_paths(root: Element) -> None:
    """Rectangles, lines and polygons become paths, which say the same in fewer bytes."""
    for element in root.iter():
        name = local(element)
        if name in PLAIN_SHAPE and not NOT_SO_PLAIN & set(element.attrib) and len(element) == 0:
            values = [element.get(attribute, "0") for attribute in PLAIN_SHAPE[name]]
            if path := _path_of(name, values):
                for attribute in PLAIN_SHAPE[name]:
                    element.attrib.pop(attribute, None)
                element.tag = element.tag.removesuffix(name) + "path"
                element.set("d", path)


def without_transforms(root: Element) -> None:
    """Work transforms into the paths that they move, where nothing else goes by their axes."""
    heritage = Heritage(root)
    for element in root.iter():
        if local(element) != "path" or "transform" not in element.attrib or not _is_plain(element, heritage):
            continue
        matrix, segments = matrix_of(element.get("transform", "")), _segments(element)
        if matrix is None or not segments:
            continue
        if matrix[:4] != IDENTITY[:4] and heritage.value(element, "stroke", "none") != "none":
            continue
        if shown := moved(segments, matrix):
            del element.attrib["transform"]
            element.set("d", spelt(shown))


def merge_neighbours(root: Element) -> None:
    """Draw paths of one look that do not touch each other in one."""
    heritage = Heritage(root)
    for parent in list(root.iter()):
        first: Element | None = None
        boxes: list[Box] = []
        for element in list(parent):
            box = _box(element, heritage)
            apart = box is not None and len(boxes) < MOST_MERGED and not any(_meet(box, other) for other in boxes)
            if first is not None and box is not None and apart and _alike(first, element):
                first.set("d", spelt([*parse(first.get("d", "")), *_segments(element)]))
                first.tail = element.tail
                parent.remove(element)
                boxes.append(box)
            else:
                first, boxes = (element, [box]) if box is not None else (None, [])


def spelt(segments: list[Segment]) -> str:
    """Path data to be shortened later."""
    return "".join(command + " ".join(f"{number:.10g}" for number in numbers) for command, numbers in segments)


def _path_of(name: str, values: list[str]) -> str | None:
    if name in ("polygon", "polyline"):
        numbers = POINTS.split(values[0].strip())
        if len(numbers) < 4 or len(numbers) % 2 or not all(map(NUMBER.fullmatch, numbers)):
            return None
        return f"M{' '.join(numbers)}" + ("z" if name == "polygon" else "")
    if not all(map(NUMBER.fullmatch, values)):
        return None
    x, y, width, height = map(float, values)
    if name == "line":
        return f"M{x:.10g} {y:.10g}L{width:.10g} {height:.10g}"
    return f"M{x:.10g} {y:.10g}h{width:.10g}v{height:.10g}H{x:.10g}z" if width > 0 and height > 0 else None


def _segments(element: Element) -> list[Segment]:
    try:
        return parse(element.get("d", ""))
    except ValueError:
        return []


def _is_plain(element: Element, heritage: Heritage) -> bool:
    """Whether nothing about its looks goes by its own box or axes."""
    own = " ".join(element.attrib.values())
    paints = heritage.value(element, "fill", "") + heritage.value(element, "stroke", "")
    marked = any(heritage.value(element, mark, "none") != "none" for mark in MARKS)
    told = marked or any(
        name in element.attrib for name in (*BY_BOX, "pathLength", "vector-effect", "transform-origin")
    )
    return not told and "url(" not in own + paints and len(element) == 0


def _alike(one: Element, other: Element) -> bool:
    return {**one.attrib, "d": ""} == {**other.attrib, "d": ""}


def _box(element: Element, heritage: Heritage) -> Box | None:
    """What a path covers at most; None where it may not be merged."""
    if local(element) != "path" or "id" in element.attrib or not _is_plain(element, heritage):
        return None
    reach = _stroke_reach(element, heritage)
    if reach is None:
        return None
    corners = list(_corners(_segments(element)))
    if not corners:
        return None
    left, top = min(x for x, _ in corners) - reach, min(y for _, y in corners) - reach
    return left, top, max(x for x, _ in corners) + reach, max(y for _, y in corners) + reach


def _stroke_reach(element: Element, heritage: Heritage) -> float | None:
    """How far its stroke reaches from the path; None where there is no telling, or dashes."""
    if heritage.value(element, "stroke", "none") == "none":
        return 0.0
    width, limit = heritage.value(element, "stroke-width", "1"), heritage.value(element, "stroke-miterlimit", "4")
    dashes = heritage.value(element, "stroke-dasharray", "none")
    if dashes != "none" or not NUMBER.fullmatch(width) or not NUMBER.fullmatch(limit):
        return None
    cap = SQUARE if heritage.value(element, "stroke-linecap", "butt") == "square" else 1.0
    join = float(limit) if heritage.value(element, "stroke-linejoin", "miter") not in ("round", "bevel") else 1.0
    return float(width) / 2 * max(cap, join)


def _corners(segments: list[Segment]) -> Iterator[tuple[float, float]]:
    """Points of a hull around the path."""
    x = y = 0.0
    for command, numbers in segments:
        if command == "A":
            rx, ry, _, large, _, to_x, to_y = numbers
            reach = 2 * max(rx, ry) if large or rx != ry else _sagitta(rx, x, y, to_x, to_y)
            ends = ((x, y), (numbers[5], numbers[6]))
            yield from ((a + s * reach, b + s * reach) for a, b in ends for s in (-1, 1))
        else:
            yield from zip(numbers[::2], numbers[1::2], strict=True)
        x, y = numbers[-2:] if numbers else (x, y)


def _sagitta(radius: float, x: float, y: float, to_x: float, to_y: float) -> float:
    """How far an arc of less than half a circle leaves its chord, at most."""
    half = math.hypot(to_x - x, to_y - y) / 2
    return max(half, radius - math.sqrt(max(0.0, radius**2 - half**2)))


def _meet(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]
