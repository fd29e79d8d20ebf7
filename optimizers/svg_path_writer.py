"""Path data in the fewest characters: absolute or relative, short commands and numbers, no needless separators."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from optimizers.svg_path import LEAP, Segment, bend, on_grid, parse, simplified

DELICATE_ARC_DECIMALS = 3
FLATTEST = 0.05
"""Of an arc that is nearly a line the radii matter no less than so."""
LEEWAY = 4
"""Times the slack that a control point may move for a shorter command: it saves much more than fewer digits do."""
FROM_CUBIC = 1 / 16
"""Least part of a cubic's third difference by which the nearest quadratic leaves it: √3/36, and a third more."""
Point = tuple[float, float]


def shorten(path: str, decimals: int, error: float = 0, *, keep_vertices: bool = False) -> str:
    """The same path with at most so many decimals; raises ValueError where it is broken.

    A point may move by `error`, in the path's own units, to make its numbers shorter. `keep_vertices` is for markers,
    which show where lines begin and end.
    """
    segments = parse(path)
    if any(bend(before, arc) >= LEAP for before, arc in _arcs(segments)):
        decimals += DELICATE_ARC_DECIMALS
    slack = error * 10**decimals
    simpler = simplified(on_grid(segments, decimals), LEEWAY * slack, keep_vertices)
    return _PathWriter(decimals, slack).write(simpler)


def number(steps: float, decimals: int) -> str:
    """A count of steps of 10^-decimals, as short as a decimal fraction gets."""
    digits = str(abs(round(steps)))
    if decimals:
        digits = digits.rjust(decimals + 1, "0")
        whole, fraction = digits[:-decimals].lstrip("0"), digits[-decimals:].rstrip("0")
        digits = (f"{whole}.{fraction}" if fraction else whole) or "0"
    return f"-{digits}" if steps < 0 and digits != "0" else digits


def shortest(steps: float, slack: float, decimals: int) -> int:
    """The count with the fewest decimals that is at most `slack` away."""
    for zeros in range(decimals, 0, -1):
        tens: int = 10**zeros
        near = round(steps / tens) * tens
        if abs(near - steps) <= slack:
            return near
    return round(steps)


class _Way(NamedTuple):
    """One way to write a command."""

    text: str
    letter: str
    last: str
    """Its last number, which tells whether the next needs a separator."""
    points: tuple[float, ...]
    """The coordinates as they come to lie."""
    error: float


class _PathWriter:
    """Every point is measured from where the last one really came to lie, so nothing drifts."""

    def __init__(self, decimals: int, slack: float) -> None:
        self._decimals, self._slack = decimals, slack
        self._out: list[str] = []
        self._letter, self._last = "", ""
        self._at = self._start = (0.0, 0.0)
        self._control: tuple[str, Point] = ("", (0.0, 0.0))

    def write(self, segments: list[Segment]) -> str:
        slacks = _slacks(segments, self._slack)
        for index, segment in enumerate(segments):
            if segment.command == "Z":
                self._out.append("z")
                self._letter, self._last, self._at = "z", "", self._start
                self._control = ("", self._at)
            else:
                self._write_segment(segment, slacks[index])
        return "".join(self._out)

    def _write_segment(self, segment: Segment, slack: float) -> None:
        command, numbers = self._short_form(segment, slack)
        ways = [
            self._way(command.lower(), numbers, slack, self._at),
            self._way(command, numbers, slack, (0.0, 0.0)),
        ]
        way = min(ways, key=lambda way: (len(way.text), way.error))
        self._out.append(way.text)
        self._letter, self._last = way.letter, way.last
        end = self._end(command, way.points)
        if command == "M":
            self._start = end
        self._control = ({"S": "C", "T": "Q"}.get(command, command), self._used_control(command, way.points))
        self._at = end

    def _short_form(self, segment: Segment, slack: float) -> tuple[str, Sequence[float]]:
        """H and V for level and upright lines, S, T and Q for curves that are as good as those."""
        command, numbers = segment
        if command == "L" and abs(numbers[1] - self._at[1]) <= slack:
            return "H", numbers[:1]
        if command == "L" and abs(numbers[0] - self._at[0]) <= slack:
            return "V", numbers[1:]
        if command in "CQ":
            mirror = self._mirror(command)
            if max(abs(numbers[0] - mirror[0]), abs(numbers[1] - mirror[1])) <= LEEWAY * self._slack:
                return {"C": "S", "Q": "T"}[command], numbers[2:]
        if command == "C" and (control := self._quadratic(numbers)):
            return self._short_form(Segment("Q", (*control, *numbers[4:])), slack)
        return command, numbers

    def _quadratic(self, numbers: Sequence[float]) -> Point | None:
        """The control point of the quadratic curve that is as good as this cubic one."""
        if not self._slack:
            return None
        axes = list(zip(self._at, numbers[:2], numbers[2:4], numbers[4:], strict=True))
        if any(abs(d - 3 * c + 3 * b - a) * FROM_CUBIC > LEEWAY * self._slack for a, b, c, d in axes):
            return None
        x, y = ((3 * b - a + 3 * c - d) / 4 for a, b, c, d in axes)
        return x, y

    def _near(self, command: str, numbers: Sequence[float], slack: float, zero: Point) -> list[float]:
        """The numbers as written from there: each the shortest that is near enough."""
        axes = _axes(command, len(numbers))
        fixed: list[float] = []
        if command == "A":
            radii = self._radii(numbers)
            fixed = [*radii, 0.0 if radii[0] == radii[1] else numbers[2], *numbers[3:5]]
        placed = zip(numbers[len(fixed) :], axes, strict=True)
        return fixed + [shortest(value - zero[axis], slack, self._decimals) for value, axis in placed]

    def _radii(self, numbers: Sequence[float]) -> list[float]:
        leeway = self._slack / max(FLATTEST, bend(self._at, Segment("A", tuple(numbers))))
        return [max(1, shortest(radius, min(leeway, radius / 10), self._decimals)) for radius in numbers[:2]]

    def _mirror(self, command: str) -> Point:
        if self._control[0] != command:
            return self._at
        return 2 * self._at[0] - self._control[1][0], 2 * self._at[1] - self._control[1][1]

    def _end(self, command: str, points: tuple[float, ...]) -> Point:
        if command == "H":
            return points[0], self._at[1]
        return (self._at[0], points[0]) if command == "V" else (points[-2], points[-1])

    def _used_control(self, command: str, points: tuple[float, ...]) -> Point:
        """The control point that a smooth command after this one will mirror."""
        if command == "T":
            return self._mirror("Q")
        return (points[-4], points[-3]) if command in "CSQ" else (0.0, 0.0)

    def _way(self, letter: str, numbers: Sequence[float], slack: float, zero: Point) -> _Way:
        """A command and its numbers, counted from `zero`."""
        values = self._near(letter.upper(), numbers, slack, zero)
        text, last = self._spelt(letter, values)
        axes = _axes(letter.upper(), len(numbers))
        points = tuple(value + zero[axis] for value, axis in zip(values[-len(axes) :], axes, strict=True))
        error = math.dist(points, numbers[-len(axes) :])
        return _Way(text, letter, last, points, error)

    def _spelt(self, letter: str, values: list[float]) -> tuple[str, str]:
        """The text, and its last number."""
        parts = [number(value, self._decimals) for value in values]
        if letter in "Aa":
            parts[2:5] = [f"{values[2]:.6g}", *(str(int(flag)) for flag in values[3:5])]
        implied = {"M": "L", "m": "l"}.get(self._letter, self._letter) == letter
        text, last = ("", self._last) if implied and letter not in "Mm" else (letter, "")
        for part in parts:
            joined = not last or part[0] == "-" or (part[0] == "." and "." in last)
            text, last = text + ("" if joined else " ") + part, part
        return text, last


def _axes(command: str, count: int) -> list[int]:
    """Which of x and y each of a command's coordinates is on."""
    if command == "A":
        return [0, 1]
    return [1] if command == "V" else [index % 2 for index in range(count)]


def _arcs(segments: list[Segment]) -> Iterator[tuple[Point, Segment]]:
    """Every arc with the point that it starts from."""
    at = start = (0.0, 0.0)
    for segment in segments:
        if segment.command == "A":
            yield at, segment
        at = (segment.numbers[-2], segment.numbers[-1]) if segment.numbers else start
        if segment.command == "M":
            start = at


def _slacks(segments: list[Segment], slack: float) -> list[float]:
    """How far the end of each may move: the less, the more an arc that meets it would."""
    bends = iter([bend(at, arc) for at, arc in _arcs(segments)])
    own = [max(1.0, next(bends)) if segment.command == "A" else 1.0 for segment in segments]
    return [slack / max(pair) for pair in zip(own, [*own[1:], 1.0], strict=True)]
