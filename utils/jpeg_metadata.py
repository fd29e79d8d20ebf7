"""What a JPEG file says beside its samples, found by its markers and reduced to what the picture needs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from utils import metadata as words
from utils.jpeg_pictures import (
    GAIN_MAP_ISO,
    MPF,
    Picture,
    further_pictures,
    gain_map_xmp,
    gain_maps,
    lean_gain_map,
    new_index,
    speaks_of_gain_map,
    write_first,
)
from utils.jpeg_segments import (
    ADOBE,
    APP0,
    APP1,
    APP2,
    APP13,
    APP14,
    COM,
    END,
    EXIF,
    ICC,
    JFIF,
    PHOTOSHOP,
    XMP,
    XMP_EXTENSION,
    Segment,
    iptc_copyright,
    read_stream,
    write,
)

MAX_COPYRIGHT = 4096
JFIF_BARE = 12
"""Bytes of a JFIF segment up to the size of its thumbnail."""
ICC_CHUNK = 0xFFFF - 2 - len(ICC) - 2
"""Bytes of a profile that a segment holds: its length, the signature and two numbers are in it too."""


def exif_of(segments: Iterable[Segment]) -> words.Exif | None:
    """The first EXIF block, read; None where there is none."""
    block = next((s for s in segments if s.holds(APP1, EXIF)), None)
    return words.parse_exif(block.payload[len(EXIF) :]) if block else None


def lean(data: bytes, *, keep_copyright: bool) -> tuple[bytes, tuple[str, ...]]:
    """The file with its samples, colour meaning, turn, gain map and perhaps owner, and in words what is gone."""
    first = read_stream(data)
    pictures = further_pictures(data, first)
    found = gain_maps(first, pictures)
    maps = [lean_gain_map(picture) for picture in found]
    head = _head(first.segments, maps, keep_copyright)
    segments = [*head, *(s for s in first.segments if _stays(s, bool(maps)))]
    gone = [*_lost(first.segments, segments, keep_copyright), *_lost_behind(data[first.end :], pictures, found)]
    left = write_first(segments, 0) + b"".join(p.data for p in maps)
    if not first.closed:  # an end that we wrote would make what was cut off look whole
        left = left.removesuffix(END)
    return data if left == data else left, tuple(dict.fromkeys(gone))


def labelled(data: bytes, icc: bytes, exif: bytes) -> bytes:
    """A bare file with a profile and an EXIF block (TIFF header on), either of which may be empty."""
    first, *others = read_stream(data).segments
    jfif, rest = ([first], others) if first.holds(APP0, JFIF) else ([], [first, *others])
    block = [Segment(APP1, EXIF + exif)] if exif else []
    return write([*jfif, *block, *_profile(icc), *rest])


def _profile(icc: bytes) -> list[Segment]:
    """The segments of a profile, numbered from one (ICC.1, annex B.4)."""
    chunks = [icc[at : at + ICC_CHUNK] for at in range(0, len(icc), ICC_CHUNK)]
    return [Segment(APP2, ICC + bytes((number, len(chunks))) + chunk) for number, chunk in enumerate(chunks, 1)]


def _head(segments: Sequence[Segment], maps: Sequence[Picture], keep_copyright: bool) -> Iterator[Segment]:
    """What is written anew: JFIF without a thumbnail, lean EXIF, and what points at the gain maps."""
    jfif = next((s for s in segments if s.holds(APP0, JFIF)), None)
    if jfif and len(jfif.payload) >= JFIF_BARE:
        yield Segment(APP0, jfif.payload[:JFIF_BARE] + b"\0\0")
    exif = exif_of(segments) or words.Exif()
    notices = (iptc_copyright(s.payload) for s in segments if s.holds(APP13, PHOTOSHOP))
    owner = exif.copyright or next(filter(None, notices), b"")
    block = words.lean_exif(replace(exif, copyright=owner[:MAX_COPYRIGHT]), keep_copyright=keep_copyright)
    if block:
        yield Segment(APP1, EXIF + block)
    if maps:
        ultra = next((s for s in segments if s.holds(APP1, XMP) and speaks_of_gain_map(s)), None)
        if ultra:
            yield Segment(APP1, gain_map_xmp(ultra.payload, len(maps[0].data)))
        yield new_index(maps)


def _stays(segment: Segment, with_gain_map: bool) -> bool:
    if segment.holds(APP2, GAIN_MAP_ISO):
        return with_gain_map
    return not segment.is_metadata or segment.holds(APP2, ICC) or segment.holds(APP14, ADOBE)


def _lost(before: Sequence[Segment], after: Sequence[Segment], keep_copyright: bool) -> Iterator[str]:
    """In words, the metadata of the first picture that is not there any more."""
    there = {segment for segment in after if segment.is_metadata}
    for segment in before:
        if not segment.is_metadata or segment in there:
            continue
        if segment.holds(APP1, EXIF):
            exif = words.parse_exif(segment.payload[len(EXIF) :])
            yield from exif.words
            if exif.copyright and not keep_copyright:
                yield words.COPYRIGHT
        elif segment.holds(APP0, JFIF, b"JFXX\0"):
            yield words.THUMBNAIL
        elif not segment.holds(APP2, MPF):
            yield _word(segment)


def _word(segment: Segment) -> str:
    if segment.holds(APP1, XMP, XMP_EXTENSION):
        return words.XMP
    if segment.holds(APP13, PHOTOSHOP):
        return words.IPTC
    return words.COMMENT if segment.marker == COM else words.OTHER


def _lost_behind(trailer: bytes, pictures: Sequence[Picture], kept: Sequence[Picture]) -> Iterator[str]:
    if len(pictures) > len(kept):
        yield words.THUMBNAIL
    if len(trailer.strip(b"\0")) > sum(len(picture.data) for picture in pictures):
        yield words.OTHER
