"""The element tree of a drawing: names without namespaces, parents, what an element inherits."""

from xml.etree.ElementTree import Element

INHERITED = frozenset(
    """
    clip-rule color color-interpolation color-rendering fill fill-opacity fill-rule image-rendering paint-order
    shape-rendering stroke stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit
    stroke-opacity stroke-width text-rendering
    """.split()  # noqa: SIM905
)
"""Properties that groups of shapes hand down, of those that drawings use."""


def local(element: Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def parents(root: Element) -> dict[Element, Element]:
    """Each element's parent."""
    return {child: parent for parent in root.iter() for child in parent}


class Heritage:
    """Looks properties up where they come from. For drawings without style sheets."""

    def __init__(self, root: Element) -> None:
        self._parents = parents(root)

    def value(self, element: Element, name: str, default: str) -> str:
        """An inherited property's value: the element's own or its nearest ancestor's."""
        at: Element | None = element
        while at is not None:
            if (own := declared(at, name)) is not None and own != "inherit":
                return own
            at = self._parents.get(at)
        return default


def declared(element: Element, name: str) -> str | None:
    """What the element itself says of a property, in its style first."""
    for declaration in reversed(element.get("style", "").split(";")):
        key, colon, value = declaration.partition(":")
        if colon and key.strip() == name:
            return value.removesuffix("!important").strip()
    return element.get(name)
