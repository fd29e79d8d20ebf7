"""How results are shown: rows for people, lines of JSON for programs, neither able to upset a terminal."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 160
"""Columns of what is no terminal."""


class Output(Console):
    """Standard output; a reader who has gone ends the command."""

    def __init__(self) -> None:
        super().__init__(width=None if sys.stdout.isatty() else WIDE, highlight=False)

    def on_broken_pipe(self) -> None:
        """Rich would end the process here and now, with tools still running."""
        raise BrokenPipeError


def harmless(text: object) -> Text:
    """Names of files as they are, but for what a terminal would obey or cannot show."""
    return Text("".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text)))


def size(count: float) -> str:
    """Bytes in a word, by thousands."""
    for unit in ("B", "kB", "MB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def percent(before: float, after: float) -> str:
    """How much smaller, in percent."""
    return f"{100 * (1 - after / before):.1f} %" if before else ""


def table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], total: Sequence[object] = (), title: str = ""
) -> None:
    """Rows on standard output, with their sum below; columns after the first that end in `>` stand to the right."""
    grid = Table(title=title or None, title_justify="left", show_footer=bool(total), box=None, pad_edge=False)
    for name, foot in zip(columns, total or [""] * len(columns), strict=True):
        side: Literal["left", "right"] = "right" if name.endswith(">") else "left"
        grid.add_column(name.rstrip(">"), harmless(foot), justify=side, overflow="fold")
    for row in rows:
        grid.add_row(*map(harmless, row))
    Output().print(grid)


def json_line(document: dict[str, Any]) -> None:
    """One line of JSON on standard output, at once."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def warn(sentence: object) -> None:
    """One line on standard error."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(Text.assemble("pare: ", harmless(sentence)))
