"""SVG bytes to expat's events: no entities, limits held while the bytes stream by."""

from typing import Any, Protocol

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser, ParseError

from exceptions import ImageLimitExceeded, UnprocessableImage
from utils.xml_encoding import to_utf8


class Target(Protocol):
    """Whatever receives the document, part by part."""

    def start(self, tag: str, attributes: dict[str, str]) -> None: ...
    def end(self, tag: str) -> None: ...
    def data(self, text: str) -> None: ...
    def comment(self, text: str) -> None: ...
    def pi(self, target: str, data: str | None = None) -> None: ...
    def start_ns(self, prefix: str, uri: str) -> None: ...
    def end_ns(self, prefix: str) -> None: ...


class Limits:
    """Counts what goes by; raises ImageLimitExceeded as soon as a count is over."""

    def __init__(self, max_depth: int, max_elements: int, max_attributes: int) -> None:
        self._depth_limit, self._element_limit, self._attribute_limit = max_depth, max_elements, max_attributes
        self._depth = self._elements = 0

    def enter(self, attributes: int) -> None:
        """One more element, with so many attributes."""
        self._depth += 1
        self._elements += 1
        _hold("levels of nested elements", self._depth_limit, self._depth)
        _hold("elements", self._element_limit, self._elements)
        _hold("attributes on one element", self._attribute_limit, attributes)

    def leave(self) -> None:
        """Its end."""
        self._depth -= 1


def _hold(what: str, limit: int, actual: int) -> None:
    if actual > limit:
        raise ImageLimitExceeded(f"the SVG has more than {limit} {what}", limit=limit, actual=actual)


def parse(data: bytes, target: Target) -> None:
    """Send the document to a target. Raises UnprocessableImage where it is not well-formed or declares entities."""
    text = to_utf8(data)
    parser: Any = DefusedXMLParser(
        target=target, encoding="utf-8", forbid_dtd=False, forbid_entities=True, forbid_external=True
    )
    try:
        parser.feed(text)
        parser.close()
    except DefusedXmlException as error:
        raise UnprocessableImage("the SVG declares entities, which are not accepted") from error
    except ParseError as error:
        raise UnprocessableImage(f"the SVG is not well-formed: {error}"[:200]) from error
