"""What an SVG may not do, by class of attack; and what it may keep."""

import base64
import re
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.svg_attacks import ANIMATIONS, HANDLERS, LINKS, LOADS, SCRIPTS, SHEETS, STYLES
from exceptions import ImageLimitExceeded, UnprocessableImage
from security.svg_sanitizer import sanitize

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
PIXEL = "data:image/png;base64,iVBORw0KGgo="

DRAWING = '<rect id="r" width="9" height="9" fill="red"/>'


def svg(body: str = DRAWING, attributes: str = "") -> bytes:
    return f'<svg xmlns="{SVG}" xmlns:xlink="{XLINK}" width="9" height="9" {attributes}>{body}</svg>'.encode()


def safe(body: str, attributes: str = "", **options: bool) -> str:
    data: bytes = sanitize(svg(body, attributes), **options)["data"]
    fromstring(data)
    return data.decode()


def assert_inert(text: str) -> None:
    assert "alert" not in text
    assert "evil" not in text
    assert not re.search(r"\son\w*=|<\?|<!|javascript|xml:base", text, re.IGNORECASE)


@pytest.mark.parametrize("keep_metadata", [False, True])
@pytest.mark.parametrize("body", [*SCRIPTS, *HANDLERS, *LINKS, *LOADS, *ANIMATIONS])
def test_attack_leaves_nothing_live(body: str, keep_metadata: bool) -> None:
    text = safe(body + DRAWING, keep_metadata=keep_metadata)
    assert_inert(text)
    assert DRAWING in text


@pytest.mark.parametrize("style", STYLES)
def test_style_attribute_loads_nothing(style: str) -> None:
    quoted = style.replace('"', "&quot;")
    assert_inert(safe(f'<rect style="{quoted}"/>'))


@pytest.mark.parametrize("sheet", SHEETS)
def test_style_sheet_loads_nothing(sheet: str) -> None:
    assert_inert(safe(f"<style>{sheet}</style>"))
    assert_inert(safe(f"<style><![CDATA[{sheet.replace('&lt;', '<').replace('&amp;', '&')}]]></style>"))


@pytest.mark.parametrize("attribute", ["onload='alert(1)'", "onresize='alert(1)'", "xml:base='//evil.example'"])
def test_root_is_no_exception(attribute: str) -> None:
    assert_inert(safe(DRAWING, attribute))


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("<script/>", "script"),
        ("<a href='javascript:1'/>", "script"),
        ("<rect onclick='x'/>", "event_handler"),
        ("<foreignObject/>", "foreign_object"),
        ("<use href='x.svg#a'/>", "external_reference"),
        ("<style>@import 'x';</style>", "external_reference"),
        ("<rect style='fill:url(x)'/>", "external_reference"),
        ("<set attributeName='href'/>", "animation"),
        ("<!--x-->", "comment"),
        ("<metadata>x</metadata>", "metadata"),
        ("<rect xmlns:i='http://www.inkscape.org/namespaces/inkscape' i:label='x'/>", "editor_data"),
    ],
)
def test_receipt_names_what_went(body: str, word: str) -> None:
    assert sanitize(svg(body))["removed"] == [word]


HARMLESS = [
    '<g fill="none" stroke="#f00" transform="translate(1,2) rotate(-45)"><path d="M0 0h1z"/></g>',
    '<text x="1" xml:space="preserve" font-family="A &amp; B">a  <tspan dy="1em">b</tspan> &lt;c&gt;</text>',
    '<defs><linearGradient id="g"><stop offset="0" stop-color="rgb(1, 2, 3)"/></linearGradient></defs>',
    '<linearGradient id="h" href="#g"/><rect fill="url(#g)" stroke="url(#h) #000"/>',
    '<use xlink:href="#r" x="1"/><use href="#r"/>',
    f'<image width="1" height="1" href="{PIXEL}"/>',
    '<path id="p" d="M0 0"/><text><textPath href="#p">along</textPath></text>',
    '<a href="https://good.example/?a=b&amp;c#d" target="_blank"><rect/></a><a href="mailto:a@b.example"/>',
    '<rect><animate attributeName="opacity" values="0;1" dur="1s" repeatCount="indefinite"/></rect>',
    '<g><animateTransform attributeName="transform" type="rotate" from="0 1 1" to="360 1 1" dur="1s"/></g>',
    '<circle r="1"><animateMotion dur="1s"><mpath href="#p"/></animateMotion></circle>',
    '<rect style="fill:url(#g);mix-blend-mode:multiply"/>',
    '<rect fill="var(--ink, currentColor)" clip-path="circle(40%)"/>',
    '<filter id="f"><feGaussianBlur stdDeviation="2"/><feImage href="#r"/></filter><g filter="url(#f)"/>',
    '<symbol id="s" viewBox="0 0 1 1"><title>Name</title></symbol><view id="v" viewBox="0 0 1 1"/>',
    '<g role="img" aria-label="a (b)" data-name="x" tabindex="0" class="a b" lang="de"/>',
    "<style>.a{fill:red}.b{filter:url(#f)}@media (prefers-color-scheme:dark){.a{fill:blue}}</style>",
    "<style>@keyframes k{from{opacity:0}to{transform:rotate(1turn)}}.a{animation:k 1s infinite}</style>",
    '<style>@font-face{font-family:F;src:url(data:font/woff2;base64,d09GMg==) format("woff2")}</style>',
    '<switch><g systemLanguage="de"/><g/></switch><text>漢字 é 😀</text>',
]


@pytest.mark.parametrize("body", HARMLESS)
def test_harmless_markup_stays_as_it_is(body: str) -> None:
    result = sanitize(svg(body))
    assert result["removed"] == []
    assert body in result["data"].decode()


def test_child_combinator_survives_escaping() -> None:
    assert fromstring(safe("<style>g > path{fill:red}</style>"))[0].text == "g > path{fill:red}"


def test_blanks_between_shapes_go_and_those_in_text_stay() -> None:
    assert "<g><text> a <tspan>b</tspan> </text></g>" in safe(
        "\n <g> stray \n<text> a <tspan>b</tspan> </text>\n</g>\n"
    )


def test_editor_element_may_stay_under_a_prefix_only() -> None:
    sodipodi = "http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd"
    body = f"<script xmlns='{sodipodi}' onclick='alert(1)' href='evil' style='evil' zoom='2'>text</script>"
    assert '<ns0:script zoom="2">text</ns0:script>' in safe(body, keep_metadata=True)


def test_prefix_of_another_vocabulary_cannot_be_taken() -> None:
    body = "<g xmlns:xlink='http://www.inkscape.org/namespaces/inkscape' xlink:href='javascript:x' fill='red'/>"
    text = safe(body + "<use xmlns:l='http://www.w3.org/1999/xlink' l:href='#a'/>", keep_metadata=True)
    assert '<g ns0:href="javascript:x" fill="red"/>' in text
    assert '<use xlink:href="#a"/>' in text


@pytest.mark.parametrize("comment", ["<!--><img src=x onerror=alert(1)>-->", "<!---><img src=x onerror=alert(1)>-->"])
def test_comment_that_html_ends_elsewhere_goes_even_where_all_may_stay(comment: str) -> None:
    assert_inert(safe(comment, keep_metadata=True))


def test_comments_and_descriptions_stay_where_all_may() -> None:
    rdf = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:li>x</rdf:li></rdf:RDF>'
    text = safe(f"<!-- by me --><metadata>{rdf}</metadata>", keep_metadata=True)
    assert "<!-- by me -->" in text
    assert "<rdf:li>x</rdf:li>" in text


RDF = (
    '<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:cc="http://creativecommons.org/ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"><cc:Work rdf:about="">'
    '<dc:title>Secret</dc:title><dc:rights><cc:Agent><dc:title>\n © Jo </dc:title></cc:Agent></dc:rights><cc:license rdf:resource="https://cc.example/by"/></cc:Work>'
    "</rdf:RDF></metadata>"
)


def test_rights_stay_in_short() -> None:
    text = safe(RDF)
    assert "<dc:rights>© Jo</dc:rights>" in text
    assert 'rdf:resource="https://cc.example/by"' in text
    assert "Secret" not in text
    assert sanitize(text.encode()) == {"data": text.encode(), "removed": []}


def test_rights_go_where_no_metadata_may_stay() -> None:
    result = sanitize(svg(RDF), keep_rights=False)
    assert b"Jo" not in result["data"]
    assert result["removed"] == ["metadata"]


def test_drawing_inside_a_drawing_is_sanitized_too() -> None:
    inner = base64.b64encode(svg(DRAWING + "<script>alert(1)</script>")).decode()
    text = safe(f'<image href="data:image/svg+xml;base64,{inner}"/>')
    found = re.search(r'href="data:image/svg\+xml;base64,([^"]+)"', text)
    assert found is not None
    assert DRAWING in base64.b64decode(found[1]).decode()
    assert_inert(base64.b64decode(found[1]).decode())


def test_drawing_inside_a_drawing_inside_a_drawing_goes() -> None:
    inmost = base64.b64encode(svg()).decode()
    middle = base64.b64encode(svg(f'<image href="data:image/svg+xml;base64,{inmost}"/>')).decode()
    result = sanitize(svg(f'<image href="data:image/svg+xml;base64,{middle}"/>'))
    assert result["removed"] == ["external_reference"]


def test_text_that_looks_like_markup_stays_text() -> None:
    body = "<title>&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;</title>"
    assert body in safe(body)
    assert 'class="&lt;/style>' in safe('<g class="&lt;/style>&lt;img onerror=x>"/>')
    assert "<text>]]&gt;</text>" in safe("<text>]]&gt;</text>")


def test_line_breaks_in_values_come_back_as_they_were() -> None:
    assert 'aria-label="a&#10;b&#9;c&#13;"' in safe('<g aria-label="a&#10;b&#9;c&#13;"/>')


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_encodings_come_out_as_utf8(encoding: str) -> None:
    source = svg("<text>漢字 é</text>").decode()
    assert "<text>漢字 é</text>".encode() in sanitize(source.encode(encoding))["data"]


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "shift_jis", "euc-jp", "gb18030", "big5", "koi8-r"])
def test_declared_encodings_come_out_as_utf8(encoding: str) -> None:
    text = {"iso-8859-1": "é", "windows-1252": "é€", "koi8-r": "Жук"}.get(encoding, "漢字")
    source = f'<?xml version="1.0" encoding="{encoding}"?>' + svg(f"<text>{text}</text>").decode()
    result = sanitize(source.encode(encoding))["data"]
    assert f"<text>{text}</text>".encode() in result
    assert b"encoding" not in result


def test_script_hidden_in_shift_jis_is_found() -> None:
    # 0x81 0x22 is one (broken) character in Shift-JIS: it would swallow the quote and open a handler.
    data = b'<?xml version="1.0" encoding="Shift_JIS"?>' + svg('<g class="\x81" id=" onclick=alert(1) "/>')
    with pytest.raises(UnprocessableImage):
        sanitize(data.replace(b"\xc2\x81", b"\x81"))


@pytest.mark.parametrize(
    "encoding", ["utf-7", "utf-32", "hex", "rot13", "idna", "x-unknown", "unicode_escape", "ibm037"]
)
def test_encodings_that_browsers_do_not_know_are_refused(encoding: str) -> None:
    with pytest.raises(UnprocessableImage):
        sanitize(f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + svg())


def test_utf16_declared_in_plain_letters_is_read_as_utf8() -> None:
    assert DRAWING.encode() in sanitize(b'<?xml version="1.0" encoding="UTF-16"?>' + svg())["data"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"not xml",
        svg()[:-8],
        svg() + b"<script/>",
        svg() + b"PK\3\4",
        svg().replace(b"<rect", b"\0<rect"),
        svg().replace(b"<rect", b"\xff<rect"),
        svg("<rect a='1' a='2'/>"),
        svg("<x:rect/>"),
        svg("&nbsp;"),
        svg("&#0;"),
        b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
        b"<svg/>",
        b"<svg xmlns='urn:other'/>",
        b"\xff\xfe<\0s\0v",
        b"\xff\xfe\0\0<\0\0\0",
        svg().decode().encode("utf-16-le")[:-1],
        b"<!DOCTYPE svg [<!ENTITY a 'b'>]>" + svg("<text>&a;</text>"),
        b"<!DOCTYPE svg [<!ENTITY % a SYSTEM 'file:///etc/passwd'>%a;]>" + svg(),
        b"<!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" + svg("<text>&a;</text>"),
        b"<!DOCTYPE svg SYSTEM 'x.dtd'>" + svg("<text>&a;</text>"),
    ],
)
def test_what_is_no_svg_or_declares_entities_is_refused(data: bytes) -> None:
    with pytest.raises(UnprocessableImage):
        sanitize(data)


def test_entity_bomb_is_refused() -> None:
    entities = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 12))
    with pytest.raises(UnprocessableImage):
        sanitize(f"<!DOCTYPE svg [<!ENTITY e0 'x'>{entities}]>".encode() + svg("<text>&e11;</text>"))


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">',
        "<!DOCTYPE svg>",
        "<!DOCTYPE svg [<!ATTLIST rect onclick CDATA 'alert(1)'>]>",
    ],
)
def test_doctype_without_entities_is_dropped(doctype: str) -> None:
    data = sanitize(doctype.encode() + svg())["data"]
    assert data.startswith(b"<svg ")
    assert b"alert" not in data


def nested(depth: int) -> bytes:
    return svg("<g>" * (depth - 1) + "</g>" * (depth - 1))


def many_attributes(count: int) -> bytes:
    return svg("<g " + " ".join(f"data-a{number}=''" for number in range(count)) + "/>")


@pytest.mark.parametrize(
    ("inside", "outside", "limit"),
    [
        (nested(128), nested(129), 128),
        (svg("<g/>" * 49), svg("<g/>" * 50), 50),
        (many_attributes(300), many_attributes(301), 300),
    ],
    ids=["depth", "elements", "attributes"],
)
def test_limits(inside: bytes, outside: bytes, limit: int) -> None:
    options = {"max_elements": 50} if limit == 50 else {}
    sanitize(inside, **options)
    with pytest.raises(ImageLimitExceeded) as refused:
        sanitize(outside, **options)
    assert refused.value.extensions == {"limit": limit, "actual": limit + 1}


@pytest.mark.parametrize("data", [nested(100_000), svg("<script>" + "<g>" * 100_000)], ids=["groups", "in a script"])
def test_depth_bomb_is_refused(data: bytes) -> None:
    with pytest.raises(ImageLimitExceeded):
        sanitize(data)


@pytest.mark.parametrize("opening", ["(", "[", "{", "a{", ":not(", "a(", "@media x{", "url(", "/*", '"', "\\"])
def test_bottomless_css_is_survived(opening: str) -> None:
    deep = opening * 20_000
    quoted = deep.replace('"', "&quot;")
    assert_inert(safe(f'<style>a{{fill:red}}{deep}</style><g style="fill:{quoted}" fill="{quoted}"/>'))


@pytest.mark.parametrize("escape", ["\\f x", "\\1 ", "\\ffff ", "\\d800 ", "\\0 "])
def test_css_escape_for_what_xml_cannot_write(escape: str) -> None:
    safe(f"<style>{escape}{{fill:red}}a{{font-family:{escape}}}</style><g style='font-family:\"{escape}\"'/>")


def test_nothing_is_left_of_a_style_without_content() -> None:
    assert safe("<style>x</style>").endswith('height="9"/>')
    assert "<g/>" in safe('<g style="fill:/* */"/>')


EVERYTHING = svg("".join(HARMLESS), "onload='x'")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_mutation_is_refused_or_comes_out_stable(data: st.DataObject) -> None:
    broken = bytearray(EVERYTHING)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(broken) - 1))
        length = data.draw(st.integers(0, 12))
        broken[at : at + length] = data.draw(
            st.sampled_from([b"", b"<", b'"', b"&", b"(", b"\\", b"\0", b"\xff", b"{", b"url(x)"])
        )
    try:
        once = sanitize(bytes(broken))["data"]
    except UnprocessableImage:
        return
    assert sanitize(once) == {"data": once, "removed": []}


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="url(#a)\"\\/*;:{}@-!<>' \n75é", max_size=60))
def test_any_css_comes_out_stable(css: str) -> None:
    escaped = css.replace("&", "&amp;").replace("<", "&lt;")
    once = safe(f"<style>a{{fill:red;{escaped}}}{escaped}</style>")
    assert sanitize(once.encode())["data"] == once.encode()


SHEET = "a{fill:red}" * 10
NESTED_SHEET = "data:image/svg+xml;base64," + base64.b64encode(svg(f"<style>{SHEET}</style>")).decode()


@pytest.mark.parametrize(
    ("body", "spent"),
    [
        (f"<style>{SHEET}</style>", 110),
        (f"<style>{SHEET}</style><g><style>{SHEET}</style></g>", 220),
        (f"<style>{SHEET}</style><image href='{NESTED_SHEET}'/>", 220),
        ("".join(f'<g style="--a:{n}"/>' for n in range(10)), 50),
        ("".join(f'<g fill="calc({n})"/>' for n in range(10)), 70),
        ('<g style="--a:1"/>' * 10, 5),
        ('<g style="fill:red;transform:scale(2)" transform="scale(3)"/>' * 10, 0),
    ],
    ids=["sheet", "sheets", "nested", "styles", "values", "the same again", "plain"],
)
def test_style_is_counted_before_it_is_tokenized(body: str, spent: int) -> None:
    sanitize(svg(body), max_css=spent)
    if spent:
        with pytest.raises(ImageLimitExceeded) as refused:
            sanitize(svg(body), max_css=spent - 1)
        assert refused.value.extensions == {"limit": spent - 1, "actual": spent}
