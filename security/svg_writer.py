"""Writes SVG as UTF-8 text that an XML parser and an HTML parser read alike."""

import re
from collections.abc import Iterable

from security.svg_rules import SVG_NS, XLINK_NS, XML_NS

SAFE_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,30}")


class Prefixes:
    """One prefix for each namespace of a document: its own first choice where that is free."""

    def __init__(self) -> None:
        self._wished: dict[str, str] = {}
        self.used: dict[str, str] = {}
        """Namespace to prefix, of the names that were written."""

    def wish(self, prefix: str, uri: str) -> None:
        """Remember how the document itself called a namespace."""
        self._wished.setdefault(uri, prefix)

    def qualify(self, uri: str, local: str) -> str:
        """The name to write; SVG itself has no prefix."""
        if uri in ("", SVG_NS):
            return local
        if uri == XML_NS:
            return f"xml:{local}"
        if uri not in self.used:
            self.used[uri] = self._free(uri)
        return f"{self.used[uri]}:{local}"

    def _free(self, uri: str) -> str:
        if uri == XLINK_NS:
            return "xlink"
        wished = self._wished.get(uri, "")
        taken = {"xlink", "svg", *self.used.values()}
        if SAFE_PREFIX.fullmatch(wished) and not wished.lower().startswith("xml") and wished not in taken:
            return wished
        return f"ns{len(self.used)}"


class Writer:
    """Collects the document; nothing reaches it unescaped."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._names: list[str] = []
        self._tag_open = False
        self._root = 0

    def start(self, name: str, attributes: Iterable[tuple[str, str]]) -> None:
        """Begin an element."""
        self._close_tag()
        if not self._names:
            self._root = len(self._parts)
        self._names.append(name)
        self._parts.append(f"<{name}")
        self._parts += [f" {key}={_quoted(value)}" for key, value in attributes]
        self._tag_open = True

    def end(self) -> None:
        """End the element begun last."""
        name = self._names.pop()
        self._parts.append("/>" if self._tag_open else f"</{name}>")
        self._tag_open = False

    def text(self, text: str) -> None:
        """Characters inside the element."""
        self._close_tag()
        self._parts.append(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;"))

    def comment(self, text: str) -> None:
        """A comment; the caller has made sure that HTML would end it in the same place."""
        self._close_tag()
        self._parts.append(f"<!--{text}-->")

    def mark(self) -> tuple[int, bool]:
        """The place where the next part will stand."""
        return len(self._parts), self._tag_open

    def undo(self, mark: tuple[int, bool]) -> None:
        """Forget whatever was written from there on."""
        length, self._tag_open = mark
        del self._parts[length:]

    def document(self, namespaces: Iterable[tuple[str, str]]) -> bytes:
        """The whole, with the namespaces (prefix, address) declared on the root."""
        declared = "".join(f" xmlns:{prefix}={_quoted(uri)}" for prefix, uri in namespaces)
        self._parts[self._root] += f' xmlns="{SVG_NS}"{declared}'
        return "".join(self._parts).encode()

    def _close_tag(self) -> None:
        if self._tag_open:
            self._parts.append(">")
            self._tag_open = False


def _quoted(value: str) -> str:
    value = value.replace("&", "&amp;").replace("<", "&lt;")
    for character, reference in (("\t", "&#9;"), ("\n", "&#10;"), ("\r", "&#13;")):
        value = value.replace(character, reference)
    if '"' in value and "'" not in value:
        return f"'{value}'"
    return '"' + value.replace('"', "&quot;") + '"'
