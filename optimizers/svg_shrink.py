"""A sanitized SVG made smaller: scour's cleaning, then the path work; runs in an isolated worker.

Scour knows neither style sheets nor animations (it would move or drop what they act on), so drawings with either are
left to the path work alone.
"""

import re
from contextlib import suppress
from typing import Any
from xml.etree.ElementTree import Element, register_namespace, tostring

from defusedxml.ElementTree import fromstring

from optimizers.svg_grid import shorten_numbers
from optimizers.svg_shapes import as_paths, merge_neighbours, without_transforms
from optimizers.svg_tidy import collapse_groups, drop_idle_attributes, shorten_details
from optimizers.svg_tree import declared, local
from security.svg_rules import ANIMATIONS, SVG_NS, XLINK_NS
from security.svg_sanitizer import sanitize

SCOUR = ("--quiet", "--no-line-breaks", "--indent=none", "--strip-xml-prolog", "--keep-editor-data", "--create-groups")
SCOURED_UP_TO = 1 << 20
"""Bytes past which scour, which is quadratic in places, would hold a slot for tens of seconds."""
DIGITS = "--set-precision=8"
"""Scour's own default of five visibly damages drawings."""
SHORT_IDS = ("--enable-id-stripping", "--shorten-ids")
KEPT_IDS = ("--keep-unreferenced-defs",)
CHANGING = ANIMATIONS | {"style", "switch", "textPath", "view"}
"""Elements for which one rendering does not show all that there is: other times, readers or places, or renderers."""
LINK, OLD_LINK = "href", f"{{{XLINK_NS}}}href"
PAINT = frozenset(("linearGradient", "radialGradient", "pattern", "filter", "clipPath", "mask", "marker", "style"))
BLENDING = ("opacity", "filter", "mask", "clip-path", "mix-blend-mode", "isolation")
NAMING = frozenset(
    f"aria-{word}"
    for word in ("activedescendant", "controls", "describedby", "details", "flowto", "labelledby", "owns")
)
"""Attributes that name elements by their ids."""
NO_LIMIT = 1 << 30
COMMENT = re.compile(rb"<!--[^<>]*-->")
"""There are some only where all metadata may stay; no tree keeps them, so they move to the front."""


def tidied(data: bytes) -> dict[str, Any]:
    """A sanitized drawing without what it does not need, its coordinates as they were, as `data`.

    `whole` says whether one rendering shows all that there is to be seen of it.
    """
    root: Element = fromstring(data)
    names = {local(element) for element in root.iter()}
    if len(data) <= SCOURED_UP_TO and not names & (ANIMATIONS | {"style"}):
        root = _scoured(root, names)
    if not names & CHANGING:
        _tidy(root)
    _drop_defaults(root)
    return {"data": _written(root, data), "whole": not names & CHANGING and not _hides(root)}


def _tidy(root: Element) -> None:
    shorten_details(root)
    drop_idle_attributes(root)
    collapse_groups(root)
    as_paths(root)
    without_transforms(root)
    merge_neighbours(root)


def rounded(data: bytes, steps_across: int) -> bytes:
    """A tidied drawing on a grid of so many steps along its longer side."""
    root: Element = fromstring(data)
    shorten_numbers(root, steps_across)
    return _written(root, data)


def _written(root: Element, data: bytes) -> bytes:
    """The tree as the sanitizer writes it, behind the comments that `data` had."""
    written: bytes = sanitize(
        tostring(root), keep_metadata=True, max_depth=NO_LIMIT, max_elements=NO_LIMIT, max_attributes=NO_LIMIT
    )["data"]
    return b"".join(COMMENT.findall(data)) + written


def _scoured(root: Element, names: set[str]) -> Element:
    """Scour follows `xlink:href` alone and deletes what only `href` names, so links are spelt its way meanwhile."""
    from scour import scour

    plain = not any(OLD_LINK in element.attrib for element in root.iter())
    _rename(root, LINK, OLD_LINK)
    register_namespace("", SVG_NS)
    register_namespace("xlink", XLINK_NS)
    options = [*SCOUR, DIGITS, *(KEPT_IDS if _named_from_outside(root) else SHORT_IDS)]
    if "switch" in names or any(local(element) == "g" and _blends(element) for element in root.iter()):
        options.append("--disable-group-collapsing")
    with suppress(Exception):  # numbers it cannot read end it in many ways; the drawing goes on without it
        root = fromstring(scour.scourString(tostring(root, encoding="unicode"), scour.parse_args(options)))
    if plain:
        _rename(root, OLD_LINK, LINK)
    return root


def _drop_defaults(root: Element) -> None:
    """Leave out what the root says that would be so anyway; SVG 2 has no versions."""
    for name in ("version", "baseProfile"):
        root.attrib.pop(name, None)
    if root.get("preserveAspectRatio") in ("xMidYMid", "xMidYMid meet"):
        del root.attrib["preserveAspectRatio"]
    for name in ("width", "height"):
        if name in root.attrib:
            root.set(name, root.attrib[name].removesuffix("px"))


def _rename(root: Element, old: str, new: str) -> None:
    for element in root.iter():
        if old in element.attrib:
            value = element.attrib.pop(old)
            element.attrib.setdefault(new, value)


def _hides(root: Element) -> bool:
    """Whether something is kept from being seen, until a script or a reader's wish shows it."""
    return any(
        name in element.attrib or name in element.get("style", "")
        for element in root.iter()
        for name in ("display", "visibility")
    )


def _blends(group: Element) -> bool:
    """Whether a group is drawn as one before it is laid on the rest: scour joins such groups all the same."""
    return any(declared(group, name) not in (None, "1", "none") for name in BLENDING)


def _named_from_outside(root: Element) -> bool:
    """Whether ids may serve somebody else: sprites (`file.svg#icon`), labels, shapes stored for no one here."""
    used = {value.lstrip("#") for element in root.iter() for key, value in element.attrib.items() if key == OLD_LINK}
    for element in root.iter():
        if local(element) in ("symbol", "view") or any(key in NAMING for key in element.attrib):
            return True
        stored = element if local(element) == "defs" else ()
        if any(local(child) not in PAINT and child.get("id", "") not in used | {""} for child in stored):
            return True
    return False
