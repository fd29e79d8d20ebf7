"""Which addresses an SVG may name: places in itself, pictures it carries, and pages a click leads to."""

import re
from enum import StrEnum

FRAGMENT = re.compile(r"#[^\s\\\"'()<>]+")
RASTER = re.compile(
    r"data:image/(?:png|jpe?g|gif|webp|avif|bmp);base64,(?:[A-Za-z0-9+/=\s]|%(?:2[BbFf]|3[Dd]|0[ADad]|20))*"
)
FONT = re.compile(
    r"data:(?:font/[a-z0-9-]+|application/(?:x-)?font-[a-z0-9-]+|application/vnd\.ms-fontobject)"
    r"(?:;charset=[a-z0-9-]+)?;base64,[A-Za-z0-9+/=\s]*",
    re.IGNORECASE,
)
PAGE = re.compile(r"(?:https?://[^\s\\\x00-\x1f]+|mailto:[^\s\\\x00-\x1f]+)", re.IGNORECASE)
NESTED = re.compile(r"data:image/svg\+xml[;,]", re.IGNORECASE)
SCRIPTED = re.compile(r"[\s\x00-\x20]*(?:java|vb|live)\s*script\s*:|[\s\x00-\x20]*data:(?!image/)", re.IGNORECASE)


class Word(StrEnum):
    """What the receipt calls a thing that was taken out."""

    SCRIPT = "script"
    EVENT_HANDLER = "event_handler"
    EXTERNAL_REFERENCE = "external_reference"
    FOREIGN_OBJECT = "foreign_object"
    ANIMATION = "animation"
    STYLE = "style"
    ELEMENT = "element"
    ATTRIBUTE = "attribute"
    PROCESSING_INSTRUCTION = "processing_instruction"
    DOCTYPE = "doctype"
    COMMENT = "comment"
    METADATA = "metadata"
    EDITOR_DATA = "editor_data"


def is_fragment(address: str) -> bool:
    """A place in the same document, as `#id`."""
    return FRAGMENT.fullmatch(address) is not None


def is_raster(address: str) -> bool:
    """A raster picture carried in the address itself; the type is part of the list, so never SVG or HTML."""
    return RASTER.fullmatch(address) is not None


def is_font(address: str) -> bool:
    """A font carried in the address itself."""
    return FONT.fullmatch(address) is not None


def allowed_href(element: str, address: str) -> bool:
    """Whether an element may point there: pictures are carried inside, links lead to pages, all else stays inside."""
    address = address.strip(" \t\r\n")
    if element == "image":
        return is_raster(address)
    if element == "feImage":
        return is_raster(address) or is_fragment(address)
    if element == "a":
        return is_fragment(address) or PAGE.fullmatch(address) is not None
    return is_fragment(address)


def refusal(address: str) -> Word:
    """The word for an address that is not allowed."""
    return Word.SCRIPT if SCRIPTED.match(address) else Word.EXTERNAL_REFERENCE
