"""Transform lists of SVG (CSS Transforms 1, section 8) as matrices, and what they do to a path."""

import math
import re
from collections.abc import Iterator

from optimizers.svg_path import NUMBER, Segment

FUNCTION = re.compile(r"\s*,?\s*(matrix|translate|scale|rotate|skewX|skewY)\s*\(([^()]*)\)")
SAME_SCALE = 1e-9
Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)


def matrix_of(transform: str) -> Matrix | None:
    """The matrix a, b, c, d, e, f of a transform list; None where it cannot be read."""
    product, at = IDENTITY, 0
    while found := FUNCTION.match(transform, at):
        at = found.end()
        part = _matrix(found[1], [float(number) for number in NUMBER.findall(found[2])])
        if part is None:
            return None
        product = _times(product, part)
    return None if transform[at:].strip() else product


def stretch(matrix: Matrix | None) -> float:
    """The largest factor by which it lengthens anything; infinite where there is no telling."""
    if matrix is None:
        return math.inf
    a, b, c, d = matrix[:4]
    half, cross = (a * a + b * b + c * c + d * d) / 2, a * c + b * d
    return math.sqrt(half + math.hypot((a * a + b * b - c * c - d * d) / 2, cross))


def moved(segments: list[Segment], matrix: Matrix) -> list[Segment] | None:
    """The path as the matrix shows it; None where an arc would become another curve's arc."""
    return list(_moved(segments, matrix)) if _keeps_circles(matrix) or not _has_arcs(segments) else None


def _moved(segments: list[Segment], matrix: Matrix) -> Iterator[Segment]:
    a, b, c, d, e, f = matrix
    scale, turned = math.hypot(a, b), math.degrees(math.atan2(b, a))
    for command, numbers in segments:
        fixed: tuple[float, ...] = ()
        if command == "A":
            rx, ry, angle, large, sweep = numbers[:5]
            mirrored = a * d - b * c < 0
            angle = turned - angle if mirrored else turned + angle
            fixed = (rx * scale, ry * scale, angle, large, 1 - sweep if mirrored else sweep)
        points = zip(numbers[len(fixed) :: 2], numbers[len(fixed) + 1 :: 2], strict=True)
        yield Segment(command, (*fixed, *(n for x, y in points for n in (a * x + c * y + e, b * x + d * y + f))))


def _keeps_circles(matrix: Matrix) -> bool:
    a, b, c, d = matrix[:4]
    size = a * a + b * b
    return abs(a * c + b * d) <= SAME_SCALE * size and abs(c * c + d * d - size) <= SAME_SCALE * size


def _has_arcs(segments: list[Segment]) -> bool:
    return any(segment.command == "A" for segment in segments)


def _times(m: Matrix, n: Matrix) -> Matrix:
    a, b, c, d, e, f = m
    g, h, i, j, k, l = n  # noqa: E741
    return a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * l + e, b * k + d * l + f


def _matrix(name: str, numbers: list[float]) -> Matrix | None:
    match name, numbers:
        case "matrix", [a, b, c, d, e, f]:
            return a, b, c, d, e, f
        case "scale", [x]:
            return x, 0, 0, x, 0, 0
        case "scale", [x, y]:
            return x, 0, 0, y, 0, 0
        case "skewX", [angle]:
            return 1, 0, math.tan(math.radians(angle)), 1, 0, 0
        case "skewY", [angle]:
            return 1, math.tan(math.radians(angle)), 0, 1, 0, 0
        case "translate", [x]:
            return 1, 0, 0, 1, x, 0
        case "translate", [x, y]:
            return 1, 0, 0, 1, x, y
        case "rotate", [angle]:
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            return cos, sin, -sin, cos, 0, 0
        case "rotate", [angle, x, y]:
            around: Matrix = (1, 0, 0, 1, x, y)
            turn = _matrix("rotate", [angle]) or IDENTITY
            return _times(_times(around, turn), (1, 0, 0, 1, -x, -y))
    return None
