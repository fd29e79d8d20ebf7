"""Which items of a HEIF or AVIF file only talk about the picture, and which of them can be taken out plainly."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from exceptions import UnprocessableImage
from utils.heif_items import Meta, Reference
from utils.metadata import EXIF, IPTC, OTHER, THUMBNAIL, XMP, Exif, lean_exif, parse_exif

WORDS = {b"Exif": EXIF, b"mime": OTHER, b"uri ": OTHER, b"iptc": IPTC, b"rgan": OTHER}
XMP_TYPE = b"application/rdf+xml"


@dataclass(slots=True)
class Choice:
    """What becomes of a meta box's items."""

    going: set[int] = field(default_factory=set)
    lean: dict[int, bytes] = field(default_factory=dict)
    """Items that stay with less in them."""
    removed: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def choose(data: bytes, meta: Meta, *, keep_copyright: bool) -> Choice:
    """Metadata that nothing refers to goes; of the EXIF block the owner's name may stay."""
    choice = Choice()
    outward, inward = _by_item(meta.references)
    for number, item in meta.items.items():
        if item.kind not in WORDS:
            continue
        words, lean = _exif(data, meta, number, keep_copyright) if item.kind == b"Exif" else (_words(meta, number), b"")
        if lean and lean == _content(data, meta, number):
            continue
        if number == meta.primary or number in meta.grouped or number in inward or _explains(outward, number):
            choice.kept += words
            continue
        choice.removed += words
        if lean:
            choice.lean[number] = lean
        else:
            choice.going.add(number)
    _choose_thumbnails(meta, choice, outward, inward)
    return choice


def _choose_thumbnails(
    meta: Meta, choice: Choice, outward: dict[int, list[Reference]], inward: dict[int, list[Reference]]
) -> None:
    """Thumbnails go where nothing but metadata that goes too refers to them."""
    for number in meta.items.keys() & outward.keys():
        kinds = {ref.kind for ref in outward[number]}
        if b"thmb" not in kinds:
            continue
        tied = any(ref.source not in choice.going for ref in inward.get(number, ()))
        if kinds != {b"thmb"} or tied or number == meta.primary or number in meta.grouped:
            choice.kept.append(THUMBNAIL)
        else:
            choice.going.add(number)
            choice.removed.append(THUMBNAIL)


def _by_item(references: Iterable[Reference]) -> tuple[dict[int, list[Reference]], dict[int, list[Reference]]]:
    """References by the item they come from, and by each item they point at."""
    outward: dict[int, list[Reference]] = defaultdict(list)
    inward: dict[int, list[Reference]] = defaultdict(list)
    for ref in references:
        outward[ref.source].append(ref)
        for target in ref.targets:
            inward[target].append(ref)
    return dict(outward), dict(inward)


def _explains(outward: dict[int, list[Reference]], number: int) -> bool:
    """Whether it says how to read auxiliary pictures alone (a depth map's units, a gain map's headroom)."""
    refs = outward.get(number, [])
    if any(ref.kind != b"cdsc" for ref in refs):
        return True
    targets = [target for ref in refs for target in ref.targets]
    return bool(targets) and all(any(ref.kind == b"auxl" for ref in outward.get(to, ())) for to in targets)


def _words(meta: Meta, number: int) -> tuple[str, ...]:
    item = meta.items[number]
    return (XMP,) if item.content_type == XMP_TYPE else (WORDS[item.kind],)


def _exif(data: bytes, meta: Meta, number: int, keep_copyright: bool) -> tuple[tuple[str, ...], bytes]:
    """What an EXIF item says, and what may stay of it; viewers turn the picture by `irot` alone."""
    payload = _content(data, meta, number)
    exif = parse_exif(payload[4 + int.from_bytes(payload[:4]) :]) if payload else Exif()
    lean = lean_exif(replace(exif, orientation=1), keep_copyright=keep_copyright)
    return exif.words, b"\0\0\0\0" + lean if lean else b""


def _content(data: bytes, meta: Meta, number: int) -> bytes:
    """An EXIF item's bytes, of the first such item only: a picture has one."""
    if number != next(other for other, item in meta.items.items() if item.kind == b"Exif"):
        return b""
    try:
        return meta.content(data, number)
    except UnprocessableImage:
        return b""
