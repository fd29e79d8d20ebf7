"""SVG path data (SVG 2, section 9.3): reading it, and what may go without being seen."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

COMMAND = re.compile(r"\s*([MmZzLlHhVvCcSsQqTtAa])")
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
FLAG = re.compile(r"[01]")
BLANK, COMMA = re.compile(r"\s*"), re.compile(r"\s*,?\s*")
COUNTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
LARGEST = 1e9
ARC_FLAGS = (3, 4)
NEARLY_NONE, NEARLY_HALF = 0.05, 0.95
"""Half the chord over the radius: outside these an arc is nearly the whole or half the ellipse."""
LEAP = 1e3


class Segment(NamedTuple):
    """One command in absolute coordinates: M, L, C, Q, A or Z; the last two numbers are where it ends."""

    command: str
    numbers: tuple[float, ...] = ()


def parse(path: str) -> list[Segment]:
    """The segments. Raises ValueError where the grammar is broken: renderers draw such a path up to the mistake."""
    segments: list[Segment] = []
    x = y = start_x = start_y = 0.0
    control: tuple[str, float, float] = ("", 0.0, 0.0)
    for command, numbers in _commands(path):
        origin = (x, y) if command.islower() else (0.0, 0.0)
        segment = _absolute(command.upper(), numbers, origin, (x, y), control)
        if any(abs(number) > LARGEST for number in segment.numbers):
            raise ValueError("a coordinate is out of range")
        segments.append(segment)
        if segment.command == "Z":
            x, y = start_x, start_y
        else:
            x, y = segment.numbers[-2:]
        if segment.command == "M":
            start_x, start_y = x, y
        control = (segment.command, x, y)
        if segment.command in "CQ":
            control = (segment.command, segment.numbers[-4], segment.numbers[-3])
    return segments


def on_grid(segments: list[Segment], decimals: int) -> list[Segment]:
    """Every number as a whole count of steps of 10^-decimals."""
    steps = 10**decimals
    return [Segment(command, _steps(command, numbers, steps)) for command, numbers in segments]


def simplified(segments: list[Segment], slack: float, keep_vertices: bool) -> list[Segment]:
    """Without what draws nothing: curves that are straight, lines of no length, lines that closing draws anyway."""
    kept: list[Segment] = []
    x = y = start_x = start_y = 0.0
    for segment in segments:
        if segment.command == "C" and _straight(x, y, segment.numbers, slack):
            segment = Segment("L", segment.numbers[-2:])
        if not keep_vertices and len(kept) > 1 and kept[-1].command != "M":
            if segment.command == "L" and segment.numbers == (x, y) and kept[-1].command != "Z":
                continue
            if segment.command == "Z" and kept[-1] == ("L", (start_x, start_y)) and kept[-2].command != "M":
                kept.pop()
        kept.append(segment)
        if segment.command == "M":
            start_x, start_y = segment.numbers
        x, y = segment.numbers[-2:] if segment.numbers else (start_x, start_y)
    return kept


def _commands(path: str) -> Iterator[tuple[str, list[float]]]:
    """Each command with its numbers, the implied ones spelt out."""
    at, first = 0, True
    while found := COMMAND.match(path, at):
        command, at = found[1], found.end()
        if first and command not in "Mm":
            raise ValueError("a path begins with a move")
        first = False
        numbers, at = _numbers(path, at, command.upper(), BLANK)
        yield command, numbers
        command = {"M": "L", "m": "l"}.get(command, command)
        while command not in "Zz" and NUMBER.match(path, _end(COMMA, path, at)):
            numbers, at = _numbers(path, at, command.upper(), COMMA)
            yield command, numbers
    if path[at:].strip():
        raise ValueError("the path breaks off")


def _numbers(path: str, at: int, command: str, separator: re.Pattern[str]) -> tuple[list[float], int]:
    numbers = []
    for index in range(COUNTS[command]):
        at = _end(separator, path, at)
        found = (FLAG if command == "A" and index in ARC_FLAGS else NUMBER).match(path, at)
        if not found:
            raise ValueError("a number is missing")
        numbers.append(float(found[0]))
        at, separator = found.end(), COMMA
    return numbers, at


def _end(pattern: re.Pattern[str], path: str, at: int) -> int:
    found = pattern.match(path, at)
    return found.end() if found else at


def _absolute(
    command: str,
    numbers: list[float],
    origin: tuple[float, float],
    current: tuple[float, float],
    control: tuple[str, float, float],
) -> Segment:
    if command == "H":
        return Segment("L", (numbers[0] + origin[0], current[1]))
    if command == "V":
        return Segment("L", (current[0], numbers[0] + origin[1]))
    if command == "A":
        end = (numbers[5] + origin[0], numbers[6] + origin[1])
        radii = abs(numbers[0]), abs(numbers[1])
        return Segment("A", (*radii, *numbers[2:5], *end)) if all(radii) else Segment("L", end)
    points = tuple(number + origin[index % 2] for index, number in enumerate(numbers))
    if command in "ST":
        curve = {"S": "C", "T": "Q"}[command]
        mirror = tuple(2 * c - p for c, p in zip(current, control[1:], strict=True)) if control[0] == curve else current
        return Segment(curve, (*mirror, *points))
    return Segment(command, points)


def _steps(command: str, numbers: tuple[float, ...], steps: int) -> tuple[float, ...]:
    if command != "A":
        return tuple(round(number * steps) for number in numbers)
    rx, ry, angle, large, sweep, x, y = numbers
    return (
        max(1, round(rx * steps)),
        max(1, round(ry * steps)),
        angle,
        large,
        sweep,
        round(x * steps),
        round(y * steps),
    )


def bend(start: tuple[float, float], arc: Segment) -> float:
    """How far an arc between fixed ends moves with its radii, as a multiple: huge where its centre leaps."""
    rx, ry, angle, large, _, x, y = arc.numbers
    dx, dy = start[0] - x, start[1] - y
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    half_chord = math.hypot((cos * dx + sin * dy) / rx, (cos * dy - sin * dx) / ry) / 2
    if half_chord < NEARLY_NONE or half_chord > NEARLY_HALF:
        return LEAP
    far = 1 / math.sqrt(1 - half_chord**2)
    return far + 1 if large else far - 1


def _straight(x: float, y: float, numbers: tuple[float, ...], slack: float) -> bool:
    """Whether both control points lie between the curve's ends, at most `slack` off the line."""
    end_x, end_y = numbers[4] - x, numbers[5] - y
    length = math.hypot(end_x, end_y)
    for control_x, control_y in ((numbers[0] - x, numbers[1] - y), (numbers[2] - x, numbers[3] - y)):
        along = control_x * end_x + control_y * end_y
        if abs(control_x * end_y - control_y * end_x) > length * slack or not 0 <= along <= length * length:
            return False
    return True
