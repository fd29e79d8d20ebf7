"""An SVG's root start tag, found in the first bytes without an XML parser: detection and size (SVG 2, section 8)."""

import math
import re
from collections.abc import Iterator

from exceptions import UnprocessableImage
from utils.xml_encoding import encoding_of

HEAD_BYTES = 1 << 18
BLANK = re.compile(r"\s*")
DOCTYPE = re.compile(r"<!DOCTYPE\s+(?:[\w-]+:)?svg(?=[\s\[>])")
PROLOG = re.compile(r"<!--.*?-->|<\?.*?\?>|<!DOCTYPE[^\[>]*(?:\[[^\]]*\]\s*)?>", re.DOTALL)
ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?svg(?=[\s/>])")
ATTRIBUTE = re.compile(r"\s+([^\s=/>\"'<]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
TAG_END = re.compile(r"\s*/?>")
LENGTH = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z%]*)\s*")
PIXELS = {
    "": 1,
    "px": 1,
    "pt": 4 / 3,
    "pc": 16,
    "mm": 96 / 25.4,
    "cm": 96 / 2.54,
    "in": 96,
    "em": 16,
    "rem": 16,
    "ex": 8,
}
DEFAULT_WIDTH, DEFAULT_HEIGHT = 300, 150
LONGEST_VALUE = 200
LARGEST_SIDE = 1 << 31


def starts_svg(head: bytes) -> bool:
    """Whether the DOCTYPE or, without one, the first element is SVG's."""
    text = _text(head)
    for at in _markup(text):
        if text.startswith("<!DOCTYPE", at):
            return DOCTYPE.match(text, at) is not None
        if ROOT.match(text, at):
            return True
    return False


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height in CSS pixels as an `<img>` shows it. Raises UnprocessableImage where there is no root tag."""
    attributes = _root_attributes(_text(data[:HEAD_BYTES]))
    width, height = _pixels(attributes.get("width", "")), _pixels(attributes.get("height", ""))
    box = _box(attributes.get("viewBox", ""))
    if box is not None:
        width, height = _by_ratio(width, height, *box)
    return _whole(width or DEFAULT_WIDTH), _whole(height or DEFAULT_HEIGHT)


def _text(head: bytes) -> str:
    try:
        encoding, start = encoding_of(head)
    except UnprocessableImage:
        encoding, start = "latin-1", 0
    return head[start:].decode(encoding, errors="replace")


def _markup(text: str) -> Iterator[int]:
    """Where each piece of the prolog begins, and the root element after them."""
    at = _skip_blanks(text, 0)
    yield at
    while piece := PROLOG.match(text, at):
        at = _skip_blanks(text, piece.end())
        yield at


def _skip_blanks(text: str, at: int) -> int:
    found = BLANK.match(text, at)
    return found.end() if found else at


def _root_attributes(text: str) -> dict[str, str]:
    root = next((found for at in _markup(text) if (found := ROOT.match(text, at))), None)
    if root is None:
        raise UnprocessableImage("no <svg> element begins the document")
    attributes, at = {}, root.end()
    while pair := ATTRIBUTE.match(text, at):
        attributes[pair[1]] = pair[2] if pair[2] is not None else pair[3]
        at = pair.end()
    if not TAG_END.match(text, at):
        raise UnprocessableImage("the <svg> element's start tag is broken or cut short")
    return attributes


def _pixels(length: str) -> float | None:
    """CSS pixels of an absolute length; None where it is absent, relative, broken or not positive."""
    found = LENGTH.fullmatch(length) if len(length) <= LONGEST_VALUE else None
    if not found or found[2].lower() not in PIXELS:
        return None
    return _positive(float(found[1]) * PIXELS[found[2].lower()])


def _box(view_box: str) -> tuple[float, float] | None:
    """Width and height of a viewBox, where it is a valid one."""
    if len(view_box) > LONGEST_VALUE:
        return None
    try:
        _, _, width, height = (float(part) for part in view_box.replace(",", " ").split())
    except ValueError:
        return None
    sides = _positive(width), _positive(height)
    return (sides[0], sides[1]) if sides[0] and sides[1] else None


def _positive(number: float) -> float | None:
    return number if 0 < number < math.inf else None


def _by_ratio(width: float | None, height: float | None, box_width: float, box_height: float) -> tuple[float, float]:
    """Sides that are not given follow the viewBox."""
    if width is None and height is None:
        return box_width, box_height
    if width is None:
        return (height or 1) * box_width / box_height, height or 1
    return width, height if height is not None else width * box_height / box_width


def _whole(pixels: float) -> int:
    return max(1, round(min(pixels, LARGEST_SIDE)))
