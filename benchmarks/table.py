"""Numbers as Markdown."""

from collections.abc import Sequence


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose columns line up when read as plain text."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def number(value: float | None, digits: int = 1) -> str:
    """The number, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def verdict(value: float | None, floor: float | None, aim: float | None, *, most: bool = False) -> str:
    """Where a value stands between its floor and its aim; `most` where less is better."""
    if value is None:
        return "not measured"
    sign = -1 if most else 1
    if aim is not None and sign * value >= sign * aim:
        return "aim"
    if floor is None:
        return "short of the aim"
    if sign * value >= sign * floor:
        return "floor"
    return "**missed**"
