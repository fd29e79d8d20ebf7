"""The encoding of an XML document, from its first bytes, and the document in UTF-8."""

import codecs
import re

from exceptions import UnprocessableImage

DECLARED = re.compile(rb"\s*<\?xml\s[^>]{0,100}?encoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._:-]{0,40})[\"']")
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
ENCODINGS = frozenset(
    """
    utf-8 ascii iso8859-1 iso8859-2 iso8859-5 iso8859-7 iso8859-9 iso8859-15 cp1250 cp1251 cp1252 cp1253 cp1254 cp1257
    koi8-r koi8-u mac-roman shift_jis cp932 euc_jp euc_kr gb2312 gbk gb18030 big5
    """.split()  # noqa: SIM905
)
"""Python's names of the encodings that browsers know; UTF-7 and the like are not among them."""


def to_utf8(data: bytes) -> bytes:
    """The document in UTF-8 without a byte order mark. Raises UnprocessableImage where the encoding is not known."""
    encoding, start = encoding_of(data)
    if encoding == "utf-8":
        return data[start:]
    try:
        return data[start:].decode(encoding).encode()
    except UnicodeError as error:
        raise UnprocessableImage(f"the document is not valid {encoding}") from error


def encoding_of(data: bytes) -> tuple[str, int]:
    """Python's name of the encoding and the length of the byte order mark (XML 1.0, appendix F)."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    if data.startswith((b"<\0", b"\0<")):
        return ("utf-16-le" if data[0] else "utf-16-be"), 0
    declared = DECLARED.match(data[:300])
    return (_known(declared[1].decode()) if declared else "utf-8"), 0


def _known(name: str) -> str:
    try:
        found = codecs.lookup(name).name
    except LookupError:
        found = ""
    if found.startswith("utf-16"):
        return "utf-8"  # UTF-16 cannot be declared in one-byte letters; browsers read UTF-8 then
    if found not in ENCODINGS:
        raise UnprocessableImage("the document is in an encoding that is not accepted")
    return found
