"""The drawn curves."""

from PIL import ImageColor

from benchmarks.plot import PALETTE, PANEL, SCALE, Line, Panel, plot
from tests.helpers import decode


def panel(title: str) -> Panel:
    return Panel(title, [Line("Pare", [(60, 20), (70, 30), (80, 41)]), Line("other", [(60, 25), (70, 39), (80, 50)])])


def test_panels_stand_two_in_a_row() -> None:
    width, height = PANEL[0] * SCALE, PANEL[1] * SCALE
    assert decode(plot([panel("JPEG")])).size == (width, height)
    assert decode(plot([panel("JPEG"), panel("PNG"), panel("GIF")])).size == (2 * width, 2 * height)


def test_every_line_has_its_colour() -> None:
    drawn = decode(plot([panel("JPEG")])).convert("RGB").getcolors(1 << 24)
    colours = {colour for _, colour in drawn or []}
    for name in PALETTE[:2]:
        wanted = ImageColor.getrgb(name)
        assert any(
            sum(abs(a - b) for a, b in zip(c, wanted, strict=True)) < 12 for c in colours if isinstance(c, tuple)
        )
