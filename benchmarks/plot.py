"""A picture of curves, one panel for each format: bytes against score, a line for each tool. Drawn by Pillow."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from PIL import Image, ImageDraw, ImageFont

SCALE = 2
"""Pixels a unit, for sharp lines on dense screens."""
PANEL = (460, 330)
MARGIN = (62, 52, 18, 46)
"""Left, top, right and bottom of the axes in their panel."""
COLUMNS = 2
INK, GREY, FAINT, PAPER = "#1f2430", "#6b7280", "#e5e7eb", "#ffffff"
PALETTE = ("#d6336c", "#1c7ed6", "#f08c00", "#2b8a3e", "#7048e8")
"""The first is for Pare."""
STEPS = (1, 2, 2.5, 5, 10, 20, 25)
MOST_TICKS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One tool: its points by score, in percent of the originals' bytes."""

    label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One format."""

    title: str
    lines: Sequence[Line]


def plot(panels: Sequence[Panel]) -> bytes:
    """A PNG."""
    rows = ceil(len(panels) / COLUMNS)
    size = (PANEL[0] * min(COLUMNS, len(panels)) * SCALE, PANEL[1] * rows * SCALE)
    image = Image.new("RGB", size, PAPER)
    for index, panel in enumerate(panels):
        corner = (index % COLUMNS * PANEL[0], index // COLUMNS * PANEL[1])
        _Axes(ImageDraw.Draw(image), corner, panel).draw()
    out = io.BytesIO()
    image.quantize(64, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


class _Axes:
    """One panel: scores run to the right, bytes upwards."""

    def __init__(self, draw: ImageDraw.ImageDraw, corner: tuple[int, int], panel: Panel) -> None:
        self._draw = draw
        self._panel = panel
        left, top, right, bottom = MARGIN
        self._box = (corner[0] + left, corner[1] + top, corner[0] + PANEL[0] - right, corner[1] + PANEL[1] - bottom)
        scores = [score for line in panel.lines for score, _ in line.points]
        self._scores = (min(scores), max(scores))
        most = max(share for line in panel.lines for _, share in line.points)
        self._step = next(step for step in (*STEPS, most) if most / step <= MOST_TICKS)
        self._top = self._step * ceil(most / self._step)

    def draw(self) -> None:
        self._frame()
        for line, colour in reversed(list(zip(self._panel.lines, PALETTE, strict=False))):
            self._line(line, colour, width=3.0 if colour == PALETTE[0] else 2.0)
        self._legend()

    def _frame(self) -> None:
        left, top, right, bottom = self._box
        self._text((left, top - 30), self._panel.title, INK, 14, "ls")
        self._text((left, top - 12), "bytes, % of the original, at equal score", GREY, 10, "ls")
        for index in range(round(self._top / self._step) + 1):
            share = index * self._step
            y = self._at(self._scores[0], share)[1]
            self._stroke([(left, y), (right, y)], GREY if index == 0 else FAINT, 1)
            self._text((left - 6, y), f"{share:g} %", GREY, 10, "rm")
        for score in range(round(self._scores[0]), round(self._scores[1]) + 1, 5):
            self._text((self._at(score, 0)[0], bottom + 6), str(score), GREY, 10, "ma")
        self._text(((left + right) / 2, bottom + 22), "SSIMULACRA2", GREY, 10, "ma")

    def _line(self, line: Line, colour: str, width: float) -> None:
        points = [self._at(*point) for point in line.points]
        self._stroke(points, colour, width)
        for x, y in points:
            radius = width + 0.5
            box = [SCALE * v for v in (x - radius, y - radius, x + radius, y + radius)]
            self._draw.ellipse(box, fill=colour, outline=PAPER, width=SCALE // 2)

    def _legend(self) -> None:
        x, y = self._box[0] + 12, self._box[1] + 8
        for line, colour in zip(self._panel.lines, PALETTE, strict=False):
            self._stroke([(x, y), (x + 18, y)], colour, 3)
            self._text((x + 24, y), line.label, INK, 11, "lm")
            y += 16

    def _at(self, score: float, share: float) -> tuple[float, float]:
        left, top, right, bottom = self._box
        low, high = self._scores
        return left + (score - low) / (high - low) * (right - left), bottom - share / self._top * (bottom - top)

    def _stroke(self, points: Sequence[tuple[float, float]], colour: str, width: float) -> None:
        scaled = [(SCALE * x, SCALE * y) for x, y in points]
        self._draw.line(scaled, fill=colour, width=round(SCALE * width), joint="curve")

    def _text(self, where: tuple[float, float], text: str, colour: str, size: int, anchor: str) -> None:
        font = ImageFont.load_default(SCALE * size)
        self._draw.text((SCALE * where[0], SCALE * where[1]), text, fill=colour, font=font, anchor=anchor)
