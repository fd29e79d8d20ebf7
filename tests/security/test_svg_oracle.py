"""Another sanitizer (svg-hush) looks at what Pare's has left, and finds nothing more that runs or loads.

Only in this direction, and only in tests: svg-hush passes `image-set` and relative `use`, and its indented output grows
with the square of the depth, so drawings here are shallow. Pare keeps things that svg-hush does not know, so whatever
svg-hush takes out is held against a rule of its own: it may name a place in the same document, a page that waits for a
click, or be neither handler nor link and ask for nothing to be loaded.
"""

import base64
import re
from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_svg_hush import filter_svg

from benchmarks.svg_attacks import ANIMATIONS, HANDLERS, LINKS, LOADS, SCRIPTS, SHEETS, STYLES
from exceptions import UnprocessableImage
from security.svg_rules import ATTRIBUTES, ELEMENTS, STYLE_PROPERTIES, is_word
from security.svg_sanitizer import sanitize

ANIMATING = {"set", "animate", "animateColor", "animateMotion", "animateTransform"}
BODIES = [*SCRIPTS, *HANDLERS, *LINKS, *LOADS, *ANIMATIONS]
CARRIED = {"image": ["png", "jpeg", "gif", "webp", "avif", "bmp", "svg+xml"], "font": ["woff2"]}
NAMESPACES = {
    "": "http://www.w3.org/2000/svg",
    "svg": "http://www.w3.org/2000/svg",
    "xlink": "http://www.w3.org/1999/xlink",
    "l": "http://www.w3.org/1999/xlink",
    "h": "http://www.w3.org/1999/xhtml",
    "x": "http://www.w3.org/1999/xhtml",
    "ev": "http://www.w3.org/2001/xml-events",
    "xi": "http://www.w3.org/2001/XInclude",
    "z": "urn:z",
    "i": "http://www.inkscape.org/namespaces/inkscape",
}
LOADING = re.compile(r"@|url\((?!\s*[\"']?#)|(?:src|image|image-set|cross-fade|expression|attr)\(", re.I)
ESCAPE = re.compile(r"\\([0-9a-f]{1,6})\s?|\\(.)", re.I | re.S)
LIVE = re.compile(r"on|(?:src|srcset|srcdoc|data|action|formaction|ping|poster|background|base|style)$", re.I)
"""Attributes that run, or are an address all by themselves."""
CSS_PARTS = re.compile(r"@[\w-]+|url\([^)]*\)?|[\w-]+\(")
PAGE = re.compile(r"#|https?://|mailto:", re.I)

Part = tuple[str, str, str]
"""An element's name, with an attribute's name and value, or with a part of its style sheet."""


def document(body: str) -> bytes:
    names = " ".join(f'xmlns{":" if prefix else ""}{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    return f'<svg {names} width="9" height="9">{body}</svg>'.encode()


def local(name: str) -> str:
    """A name as browsers act on it; one of a drawing program's own means nothing to them and keeps its namespace."""
    uri, _, plain = name.rpartition("}")
    return name if uri[1:] == NAMESPACES["i"] else plain


def parts(data: bytes) -> Iterator[Part]:
    """Everything in a drawing that a rule could speak of."""
    for element in fromstring(data).iter():
        tag = local(element.tag)
        yield tag, "", ""
        if tag == "style":
            yield from ((tag, "css", part) for part in CSS_PARTS.findall("".join(element.itertext())))
        for key, value in element.attrib.items():
            name = local(key)
            if name == "style":
                yield from ((tag, "css", part) for part in CSS_PARTS.findall(value))
            else:
                yield tag, name, value


def unescaped(css: str) -> str:
    return ESCAPE.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)) if found[1] else found[2], css)


def is_inert(tag: str, name: str, value: str) -> bool:
    """Whether something that svg-hush takes out could have stayed; of elements, only notes about the drawing."""
    if name == "":
        return tag == "metadata" or tag.startswith("{")
    if name == "href":
        return value.startswith("#") or (tag == "a" and PAGE.match(value) is not None)
    if name == "attributeName":
        return tag not in ANIMATING or not (LIVE.match(value.strip()) or "href" in value or value.strip() == "class")
    return not LIVE.match(name) and (is_word(name) or name == "space" or not LOADING.search(unescaped(value)))


def found(data: bytes) -> list[Part]:
    """What svg-hush takes out of a drawing, and of those that it carries, that runs or loads."""
    taken = Counter(parts(data)) - Counter(parts(filter_svg(data, CARRIED)))
    carried = re.findall(rb'\s(?:xlink:)?href="data:image/svg\+xml;base64,([^"]+)"', data)
    return [part for part in taken if not is_inert(*part)] + [p for c in carried for p in found(base64.b64decode(c))]


def left(data: bytes) -> list[Part]:
    """What svg-hush finds in what Pare's sanitizer leaves; nothing in what it refuses."""
    try:
        return [part for keep in (False, True) for part in found(sanitize(data, keep_metadata=keep)["data"])]
    except UnprocessableImage:
        return []


@pytest.mark.parametrize("body", ["<script>alert(1)</script>", *HANDLERS[:2], *LINKS[:2], *LOADS[:2], SCRIPTS[13]])
def test_the_oracle_sees(body: str) -> None:
    assert found(document(body))


@pytest.mark.parametrize("body", BODIES)
def test_attack(body: str) -> None:
    assert left(document(body)) == []


def test_styles() -> None:
    for css in STYLES:
        assert left(document(f"<rect style={quoteattr(css)}/>")) == [], css
    for css in SHEETS:
        assert left(document(f"<style>{css}</style>")) == [], css


# Without `metadata`, which svg-hush takes out with all that is in it, whatever that is.
NAMES = sorted({*(ELEMENTS - {"metadata"}), *re.findall(r"<([\w:]+)", "".join(BODIES))})
KEYS = sorted({*ATTRIBUTES, "style", "href", "xlink:href", "xml:base", *re.findall(r"\s([\w:]+)='", "".join(BODIES))})
VALUES = sorted({"1", "#a", "url(#a)", "red", *STYLES, *re.findall(r"='([^'<&]*)'", "".join(BODIES))})
values = st.sampled_from(VALUES) | st.tuples(st.sampled_from(sorted(STYLE_PROPERTIES)), st.sampled_from(VALUES)).map(
    ":".join
)
keys = st.sampled_from([key for key in KEYS if not key.startswith("xmlns")])
names = st.sampled_from([name for name in NAMES if not name.startswith("?")])


def written(name: str, attributes: dict[str, str], children: list[str]) -> str:
    given = {key.replace("l:", "xlink:") if key.startswith("l:") else key: value for key, value in attributes.items()}
    return (
        f"<{name} {' '.join(f'{key}={quoteattr(value)}' for key, value in given.items())}>{''.join(children)}</{name}>"
    )


texts = st.sampled_from([escape(text) for text in (*SHEETS, *STYLES)])
drawings = st.recursive(
    texts,
    lambda inner: st.builds(
        written, names | st.just("style"), st.dictionaries(keys, values, max_size=4), st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(drawings)
def test_whatever_is_put_together(body: str) -> None:
    assert left(document(body)) == []
