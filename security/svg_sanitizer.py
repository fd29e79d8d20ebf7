"""SVG to SVG without anything that runs or loads: every byte that leaves is written anew, from an allow-list.

Decisions. A DOCTYPE is dropped; one that declares entities refuses the file. `<a>` keeps http, https and mailto links,
which wait for a click and load nothing. Rights stated as RDF in `<metadata>` (dc:rights, cc:license) are the copyright
to keep; comments go with the other metadata, whatever they say. Blanks between shapes go, those in text stay. What only
an HTML parser would see (names without a namespace, `<` in comments, markup in `title`) is covered, so that the result
is safe inlined in a page too.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

from exceptions import ImageLimitExceeded, UnprocessableImage
from security.svg_css import Budget, Css
from security.svg_links import NESTED, Word, allowed_href, refusal
from security.svg_parser import Limits, parse
from security.svg_rights import Rights
from security.svg_rules import (
    ANIMATABLE,
    ANIMATIONS,
    ATTRIBUTES,
    ELEMENTS,
    FOREIGN_ATTRIBUTES_REFUSED,
    PLAIN_TEXT,
    SVG_NS,
    TEXT_CONTENT,
    TEXT_ONLY,
    XLINK_NS,
    XML_NS,
    is_editor_namespace,
    is_word,
)
from security.svg_writer import Prefixes, Writer

MAX_DEPTH, MAX_ELEMENTS, MAX_ATTRIBUTES, MAX_CSS = 128, 400_000, 300, 4_000_000
ELEMENT_WORDS = {"script": Word.SCRIPT, "handler": Word.SCRIPT, "foreignobject": Word.FOREIGN_OBJECT}


def sanitize(
    data: bytes,
    *,
    keep_metadata: bool = False,
    keep_rights: bool = True,
    max_depth: int = MAX_DEPTH,
    max_elements: int = MAX_ELEMENTS,
    max_attributes: int = MAX_ATTRIBUTES,
    max_css: int = MAX_CSS,
) -> dict[str, Any]:
    """The safe drawing as `data` and the words for what went as `removed`; for the isolated worker.

    Raises UnprocessableImage where it is no SVG or declares entities, ImageLimitExceeded where it is over a limit.
    """
    limits = {"max_depth": max_depth, "max_elements": max_elements, "max_attributes": max_attributes}
    target = Sanitizer(limits, Budget(max_css), keep_metadata, keep_rights)
    parse(data, target)
    return {"data": target.document(), "removed": sorted(target.removed)}


class Sanitizer:
    """Receives the parser's events and writes what is allowed."""

    def __init__(
        self, limits: dict[str, int], css: Budget, keep_metadata: bool, keep_rights: bool, nested: bool = False
    ) -> None:
        self.removed: set[str] = set()
        self._limits, self._limit_values = Limits(**limits), limits
        self._css_budget, self._style = css, Css(self._report, css)
        self._keep_metadata, self._keep_rights, self._nested = keep_metadata, keep_rights, nested
        self._writer, self._prefixes = Writer(), Prefixes()
        self._open: list[str] = []
        self._dropped = 0
        """How many open elements are inside the one that is left out, itself included."""
        self._in_text = 0
        self._css: list[str] = []
        self._css_mark = self._writer.mark()
        self._rights: Rights | None = None

    def document(self) -> bytes:
        """What was written."""
        return self._writer.document((prefix, uri) for uri, prefix in self._prefixes.used.items())

    def start_ns(self, prefix: str, uri: str) -> None:
        self._prefixes.wish(prefix, uri)

    def end_ns(self, prefix: str) -> None:
        """A namespace keeps its prefix through the whole document."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._limits.enter(len(attributes))
        if self._dropped:
            self._dropped += 1
            if self._rights is not None:
                self._rights.start(tag, attributes)
            return
        uri, name = _split(tag)
        if not self._open and (uri, name) != (SVG_NS, "svg"):
            raise UnprocessableImage("the root element is not <svg> in the SVG namespace")
        if uri == SVG_NS and name == "metadata" and not self._keep_metadata:
            self._dropped, self._rights = 1, Rights()
        elif word := self._element_refusal(uri, name, attributes):
            self._dropped = 1
            self._report(word)
        else:
            self._begin(uri, name, attributes)

    def _begin(self, uri: str, name: str, attributes: dict[str, str]) -> None:
        kept = list(self._attributes(name, attributes) if uri == SVG_NS else self._foreign_attributes(attributes))
        if name == "style":
            self._css, self._css_mark = [], self._writer.mark()
        self._open.append(name if uri == SVG_NS else "")
        self._in_text += self._open[-1] in TEXT_CONTENT or uri != SVG_NS
        self._writer.start(self._prefixes.qualify(uri, name), kept)

    def end(self, tag: str) -> None:
        self._limits.leave()
        if self._dropped:
            self._end_dropped()
            return
        name = self._open.pop()
        self._in_text -= name in TEXT_CONTENT or name == ""
        css = self._style.stylesheet("".join(self._css)) if name == "style" else ""
        if css:
            self._writer.text(css)
        self._writer.end()
        if name == "style" and not css:
            self._writer.undo(self._css_mark)

    def _end_dropped(self) -> None:
        self._dropped -= 1
        if self._rights is None:
            return
        if self._dropped:
            self._rights.end()
            return
        kept = self._keep_rights and bool(self._rights)
        if kept:
            self._rights.write(self._writer, self._prefixes)
        if self._rights.lossy or not kept:
            self._report(Word.METADATA)
        self._rights = None

    def data(self, text: str) -> None:
        if self._dropped:
            if self._rights is not None:
                self._rights.data(text)
        elif self._open[-1:] == ["style"]:
            self._css.append(text)
        elif self._in_text:
            self._writer.text(text)

    def comment(self, text: str) -> None:
        """HTML ends some comments before XML does, all of them at a bracket."""
        if self._keep_metadata and not self._in_text and not self._dropped and "<" not in text and ">" not in text:
            self._writer.comment(text)
        else:
            self._report(Word.COMMENT)

    def pi(self, target: str, data: str | None = None) -> None:
        self._report(Word.EXTERNAL_REFERENCE if target == "xml-stylesheet" else Word.METADATA)

    def _report(self, word: Word) -> None:
        self.removed.add(str(word))

    def _element_refusal(self, uri: str, name: str, attributes: dict[str, str]) -> Word | None:
        """Why an element may not stay, or None."""
        if self._open and self._open[-1] in TEXT_ONLY:
            return Word.ELEMENT
        if is_editor_namespace(uri):
            return None if self._keep_metadata else Word.EDITOR_DATA
        if uri != SVG_NS or name not in ELEMENTS:
            return ELEMENT_WORDS.get(name.lower(), Word.ELEMENT)
        if name in ANIMATIONS and attributes.get("attributeName", "transform").strip() not in ANIMATABLE:
            return Word.ANIMATION
        if name == "style" and attributes.get("type", "").strip().lower() not in ("", "text/css"):
            return Word.STYLE
        return None

    def _attributes(self, element: str, attributes: dict[str, str]) -> Iterator[tuple[str, str]]:
        for key, value in attributes.items():
            uri, name = _split(key)
            if name == "href" and uri in ("", XLINK_NS):
                kept = self._href(element, value)
            elif uri == "":
                kept = self._plain(name, value)
            else:
                kept = self._prefixed(uri, name, value)
            if kept is not None:
                yield self._prefixes.qualify(uri, name), kept

    def _plain(self, name: str, value: str) -> str | None:
        if name == "style":
            return self._style.declarations(value) or None
        if is_word(name) or name in PLAIN_TEXT:
            return value
        if name not in ATTRIBUTES:
            self._report(Word.EVENT_HANDLER if name.lower().startswith("on") else Word.ATTRIBUTE)
            return None
        if word := self._style.refusal(value):
            self._report(word)
            return None
        return value

    def _prefixed(self, uri: str, name: str, value: str) -> str | None:
        if (uri, name) in ((XML_NS, "space"), (XML_NS, "lang"), (XLINK_NS, "title")):
            return value
        if is_editor_namespace(uri) and self._keep_metadata:
            return value
        if uri == XML_NS:
            self._report(Word.EXTERNAL_REFERENCE if name == "base" else Word.ATTRIBUTE)
        elif uri != XLINK_NS:
            self._report(Word.EDITOR_DATA if is_editor_namespace(uri) else Word.ATTRIBUTE)
        return None

    def _foreign_attributes(self, attributes: dict[str, str]) -> Iterator[tuple[str, str]]:
        for key, value in attributes.items():
            uri, name = _split(key)
            if is_editor_namespace(uri) or (uri == "" and not FOREIGN_ATTRIBUTES_REFUSED.match(name)):
                yield self._prefixes.qualify(uri, name), value
            elif uri != XML_NS or name not in ("space", "lang"):
                self._report(Word.ATTRIBUTE)

    def _href(self, element: str, address: str) -> str | None:
        if allowed_href(element, address):
            return address.strip(" \t\r\n")
        if element == "image" and NESTED.match(address.strip()) and not self._nested:
            return self._nested_drawing(address.strip())
        self._report(refusal(address))
        return None

    def _nested_drawing(self, address: str) -> str | None:
        """A drawing carried in an address, sanitized as well; what it carries in turn may be pixels only."""
        header, _, body = address.partition(",")
        inner = Sanitizer(self._limit_values, self._css_budget, self._keep_metadata, self._keep_rights, nested=True)
        try:
            data = unquote_to_bytes(body)
            parse(base64.b64decode(data) if header.lower().endswith("base64") else data, inner)
        except ImageLimitExceeded:
            raise
        except (UnprocessableImage, binascii.Error):
            self._report(Word.EXTERNAL_REFERENCE)
            return None
        self.removed |= inner.removed
        return "data:image/svg+xml;base64," + base64.b64encode(inner.document()).decode()


def _split(tag: str) -> tuple[str, str]:
    """Namespace and local name of expat's `{namespace}name`."""
    uri, _, name = tag.rpartition("}")
    return uri[1:], name
