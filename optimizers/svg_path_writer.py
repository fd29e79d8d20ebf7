"""Path data in the fewest characters: absolute or relative, short commands, no needless separators."""

from collections.abc import Iterable, Sequence

from optimizers.svg_path import Segment, on_grid, parse, simplified


def shorten(path: str, decimals: int, error: float = 0, *, keep_vertices: bool = False) -> str:
    """The same path with so many decimals; raises ValueError where it is broken.

    A control point may move by `error`, in the path's own units, to make a command shorter. `keep_vertices` is for
    markers, which show where lines begin and end.
    """
    segments, used = on_grid(parse(path), decimals)
    slack = error * 10**used
    return _PathWriter(used, slack).write(simplified(segments, slack, keep_vertices))


def number(steps: float, decimals: int) -> str:
    """A count of steps of 10^-decimals, as short as a decimal fraction gets."""
    digits = str(abs(round(steps)))
    if decimals:
        digits = digits.rjust(decimals + 1, "0")
        whole, fraction = digits[:-decimals].lstrip("0"), digits[-decimals:].rstrip("0")
        digits = (f"{whole}.{fraction}" if fraction else whole) or "0"
    return f"-{digits}" if steps < 0 and digits != "0" else digits


class _PathWriter:
    """Points are rounded where they are, so relative commands are exact differences and nothing drifts."""

    def __init__(self, decimals: int, slack: float) -> None:
        self._decimals, self._slack = decimals, slack
        self._out: list[str] = []
        self._letter, self._last = "", ""
        self._at = self._start = (0.0, 0.0)
        self._control: tuple[str, tuple[float, float]] = ("", (0.0, 0.0))

    def write(self, segments: Iterable[Segment]) -> str:
        for segment in segments:
            if segment.command == "Z":
                self._out.append("z")
                self._letter, self._last, self._at = "z", "", self._start
                self._control = ("", self._at)
            else:
                self._write_segment(segment)
        return "".join(self._out)

    def _write_segment(self, segment: Segment) -> None:
        command, points = self._short_form(segment)
        lower, away = command.lower(), self._relative(command, points)
        choices = [self._spelt(lower, away), self._spelt(command, points)]
        text, self._letter, self._last = min(choices, key=lambda choice: len(choice[0]))
        self._out.append(text)
        end = segment.numbers[-2], segment.numbers[-1]
        if segment.command == "M":
            self._start = end
        self._control = (segment.command, self._used_control(command, segment))
        self._at = end

    def _short_form(self, segment: Segment) -> tuple[str, Sequence[float]]:
        """H and V for level and upright lines, S and T for curves that go on smoothly."""
        command, numbers = segment
        if command == "L" and numbers[1] == self._at[1]:
            return "H", numbers[:1]
        if command == "L" and numbers[0] == self._at[0]:
            return "V", numbers[1:]
        if command in "CQ":
            mirror = self._mirror(command)
            if max(abs(numbers[0] - mirror[0]), abs(numbers[1] - mirror[1])) <= self._slack:
                return {"C": "S", "Q": "T"}[command], numbers[2:]
        return command, numbers

    def _mirror(self, command: str) -> tuple[float, float]:
        if self._control[0] != command:
            return self._at
        return 2 * self._at[0] - self._control[1][0], 2 * self._at[1] - self._control[1][1]

    def _used_control(self, command: str, segment: Segment) -> tuple[float, float]:
        """The control point that a smooth command after this one will mirror."""
        if command == "T":
            return self._mirror("Q")
        return (segment.numbers[-4], segment.numbers[-3]) if command in "CSQ" else self._at

    def _relative(self, command: str, points: Sequence[float]) -> list[float]:
        if command == "A":
            return [*points[:5], points[5] - self._at[0], points[6] - self._at[1]]
        if command == "V":
            return [points[0] - self._at[1]]
        return [point - self._at[index % 2] for index, point in enumerate(points)]

    def _spelt(self, letter: str, numbers: Sequence[float]) -> tuple[str, str, str]:
        """Text, letter in force afterwards and last number of one way to write it."""
        parts = [number(value, self._decimals) for value in numbers]
        if letter in "Aa":
            parts[2:5] = [f"{numbers[2]:.6g}", *(str(int(flag)) for flag in numbers[3:5])]
        implied = {"M": "L", "m": "l"}.get(self._letter, self._letter) == letter
        text, last = ("", self._last) if implied and letter not in "Mm" else (letter, "")
        for part in parts:
            joined = not last or part[0] == "-" or (part[0] == "." and "." in last)
            text, last = text + ("" if joined else " ") + part, part
        return text, letter, last
