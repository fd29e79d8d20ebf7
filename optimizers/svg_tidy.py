"""Attributes and groups that change nothing about a drawing without style sheets and motion."""

from xml.etree.ElementTree import Element

from optimizers.svg_path import NUMBER
from optimizers.svg_tree import INHERITED, Heritage, declared, local, parents

SHAPES = frozenset(["path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "g"])
INITIAL = {
    "clip-rule": "nonzero",
    "color-interpolation": "sRGB",
    "color-rendering": "auto",
    "fill-opacity": "1",
    "fill-rule": "nonzero",
    "image-rendering": "auto",
    "paint-order": "normal",
    "shape-rendering": "auto",
    "stroke": "none",
    "stroke-dasharray": "none",
    "stroke-dashoffset": "0",
    "stroke-linecap": "butt",
    "stroke-linejoin": "miter",
    "stroke-miterlimit": "4",
    "stroke-opacity": "1",
    "stroke-width": "1",
    "text-rendering": "auto",
}
"""Initial values of inherited properties."""
OWN_INITIAL = {
    "clip-path": "none",
    "filter": "none",
    "mask": "none",
    "opacity": "1",
    "stop-color": "#000",
    "stop-opacity": "1",
}
"""Initial values of properties that nothing inherits."""
STROKING = frozenset(name for name in INHERITED if name.startswith("stroke-"))
OPACITIES = ("opacity", "fill-opacity", "stroke-opacity", "stop-opacity", "flood-opacity")
OPACITY_DECIMALS = 3
"""Half a thousandth of opacity is an eighth of an 8-bit step."""
OFFSET_DECIMALS = 4
GRADIENTS = frozenset(("linearGradient", "radialGradient"))
GRADIENT_NUMBERS = ("x1", "y1", "x2", "y2", "cx", "cy", "r", "fx", "fy", "gradientTransform")
GRADIENT_DIGITS, TRANSFORM_DIGITS = 6, 7


def drop_idle_attributes(root: Element) -> None:
    """Leave out what would be so anyway."""
    heritage, above = Heritage(root), parents(root)
    names = {local(element) for element in root.iter()}
    idle = _idle(root)
    for element in root.iter():
        for name, value in list(element.attrib.items()):
            inherits = INITIAL.get(name) == value and element in above and "use" not in names
            says_nothing = inherits and heritage.value(above[element], name, value) == value
            if name in idle or OWN_INITIAL.get(name) == value or says_nothing:
                del element.attrib[name]
    _drop_first_offsets(root)
    if not names & {"text", "tspan", "textPath", "title", "desc"}:
        root.attrib.pop("{http://www.w3.org/XML/1998/namespace}space", None)


def collapse_groups(root: Element) -> None:
    """Give what a group says to the one shape in it."""
    for parent in list(root.iter()):
        if local(parent) == "switch":
            continue
        for place, group in enumerate(list(parent)):
            shape = group
            while local(shape) == "g" and len(shape) == 1 and _may_hand_down(shape, shape[0]):
                shape = _handed_down(shape, shape[0])
            if shape is not group:
                parent[place] = shape


def shorten_details(root: Element) -> None:
    """Numbers of gradients, transforms and opacities with the digits that can be seen."""
    for element in root.iter():
        for name in OPACITIES:
            _round(element, name, OPACITY_DECIMALS)
        if local(element) == "stop":
            _round(element, "offset", OFFSET_DECIMALS)
        if local(element) in GRADIENTS:
            for name in GRADIENT_NUMBERS:
                _shorten(element, name, GRADIENT_DIGITS)
        _shorten(element, "transform", TRANSFORM_DIGITS)


def _idle(root: Element) -> set[str]:
    """Properties that nothing in the drawing goes by."""
    said = {word for element in root.iter() for word in element.attrib.values()}
    coloured = any("currentColor" in word or "inherit" in word for word in said)
    stroked = any(declared(element, "stroke") not in (None, "none") for element in root.iter())
    return (set() if coloured else {"color"}) | (set() if stroked else set(STROKING))


def _drop_first_offsets(root: Element) -> None:
    for element in root.iter():
        if local(element) == "stop" and element.get("offset") in ("0", "0%"):
            del element.attrib["offset"]


def _may_hand_down(group: Element, shape: Element) -> bool:
    return (
        local(shape) in SHAPES
        and "id" not in shape.attrib
        and "style" not in shape.attrib
        and set(group.attrib) <= INHERITED | {"transform"}
    )


def _handed_down(group: Element, shape: Element) -> Element:
    transforms = group.attrib.pop("transform", ""), shape.attrib.pop("transform", "")
    if joined := " ".join(filter(None, transforms)):
        shape.set("transform", joined)
    for name, value in group.attrib.items():
        if shape.get(name, "inherit") == "inherit":
            shape.set(name, value)
    shape.tail = group.tail
    return shape


def _round(element: Element, name: str, decimals: int) -> None:
    value = element.get(name, "")
    if NUMBER.fullmatch(value):
        _set_shorter(element, name, _plain(f"{float(value):.{decimals}f}"))


def _shorten(element: Element, name: str, digits: int) -> None:
    if value := element.get(name):
        _set_shorter(element, name, NUMBER.sub(lambda found: _significant(found[0], digits), value))


def _significant(number: str, digits: int) -> str:
    short = f"{float(number):.{digits}g}"
    short = number if "e" in short or "inf" in short else _plain(short)
    return short if len(short) < len(number) else number


def _plain(number: str) -> str:
    whole, point, fraction = number.partition(".")
    if point and (fraction := fraction.rstrip("0")):
        sign = "-" if whole.startswith("-") else ""
        return f"{sign}{whole.removeprefix('-').lstrip('0')}.{fraction}"
    return "0" if whole in ("-0", "") else whole


def _set_shorter(element: Element, name: str, value: str) -> None:
    if len(value) < len(element.attrib[name]):
        element.set(name, value)
