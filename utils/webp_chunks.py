"""The chunks of a WebP file (RFC 9649): what they say, and a file built of them with its flags put right."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exceptions import UnprocessableImage
from utils import riff, vp8
from utils.metadata import Exif, parse_exif
from utils.riff import Chunk

FORM = b"WEBP"
ICC_FLAG, ALPHA_FLAG, EXIF_FLAG, XMP_FLAG = 0x20, 0x10, 0x08, 0x04
FLAGS = {b"ICCP": ICC_FLAG, b"ALPH": ALPHA_FLAG, b"EXIF": EXIF_FLAG, b"XMP ": XMP_FLAG}
PIXELS = (b"ALPH", b"VP8 ", b"VP8L")
PICTURE = (b"VP8X", b"ICCP", b"ANIM", b"ANMF", *PIXELS)
FRAME_HEAD = 16
MAX_FRAME_CHUNKS = 16
"""In one frame of an animation, which needs two."""
DISPOSE_FLAG, NO_BLEND_FLAG = 0x01, 0x02
EXIF_PREFIX = b"Exif\0\0"


@dataclass(frozen=True, slots=True)
class Picture:
    """The chunks of one still or one frame's pixels, and what their header says."""

    chunks: tuple[Chunk, ...]
    header: vp8.Bitstream

    @property
    def size(self) -> int:
        """Bytes that it takes in a file."""
        return sum(len(bytes(chunk)) for chunk in self.chunks)


def parse(data: bytes) -> riff.Riff:
    """The chunks of a file; raises UnprocessableImage."""
    return riff.parse(data, FORM)


def pictures(chunks: Sequence[Chunk]) -> list[Picture]:
    """The still, or each frame of an animation; raises UnprocessableImage where a bitstream is broken or absent."""
    found = frames(chunks)
    if not found:
        return [picture(chunks)]
    return [picture(riff.walk(chunk.data[FRAME_HEAD:], MAX_FRAME_CHUNKS)) for chunk in found]


def picture(chunks: Iterable[Chunk]) -> Picture:
    """The pixels among these chunks; raises UnprocessableImage where there are none."""
    parts = tuple(chunk for chunk in chunks if chunk.name in PIXELS)
    for chunk in parts:
        if chunk.name == b"VP8L":
            return Picture((chunk,), vp8.lossless_header(chunk.data))
        if chunk.name == b"VP8 ":
            return Picture(parts, vp8.lossy_header(chunk.data))
    raise UnprocessableImage("the WebP has no picture")


def frames(chunks: Iterable[Chunk]) -> list[Chunk]:
    """The frames of an animation; none of a still."""
    return [chunk for chunk in chunks if chunk.name == b"ANMF"]


def with_pixels(frame: Chunk, new: Picture) -> Chunk:
    """An animation's frame with other pixels in the same place, for the same time."""
    return Chunk(b"ANMF", frame.data[:FRAME_HEAD] + b"".join(map(bytes, new.chunks)))


def duration(frame: Chunk) -> int:
    """Milliseconds a frame is shown."""
    return int.from_bytes(frame.data[12:15], "little")


def canvas(chunks: Sequence[Chunk], shown: Sequence[Picture]) -> tuple[int, int, bool]:
    """Width, height, and whether anything may be seen through."""
    extended = next((chunk.data for chunk in chunks if chunk.name == b"VP8X"), None)
    if extended is None:
        if frames(chunks):
            raise UnprocessableImage("the WebP animation has no header")
        header = shown[0].header
        return header.width, header.height, header.alpha
    if len(extended) < 10:
        raise UnprocessableImage("the WebP header is broken")
    width, height = (int.from_bytes(extended[at : at + 3], "little") + 1 for at in (4, 7))
    return width, height, bool(extended[0] & ALPHA_FLAG)


def plays(chunks: Iterable[Chunk]) -> int | None:
    """How often an animation plays, 0 for ever; None where the file does not say."""
    data = next((chunk.data for chunk in chunks if chunk.name == b"ANIM"), b"")
    return int.from_bytes(data[4:6], "little") if len(data) >= 6 else None


def exif_of(chunks: Iterable[Chunk]) -> Exif:
    """What the EXIF chunk says."""
    data = next((chunk.data for chunk in chunks if chunk.name == b"EXIF"), b"")
    return parse_exif(data.removeprefix(EXIF_PREFIX))


def labelled(data: bytes, icc: bytes, exif: bytes) -> bytes:
    """A bare file with a colour profile and an EXIF block, where there are any."""
    extras = [Chunk(name, content) for name, content in ((b"ICCP", icc), (b"EXIF", exif)) if content]
    return assemble([*parse(data).chunks, *extras]) if extras else data


def assemble(chunks: Iterable[Chunk]) -> bytes:
    """A file of these chunks, its feature flags put right; extended only where it has to be."""
    chunks = list(chunks)
    old = next((chunk.data for chunk in chunks if chunk.name == b"VP8X"), None)
    rest = sorted((chunk for chunk in chunks if chunk.name != b"VP8X"), key=_place)
    if frames(rest):
        flags = (old or b"\0")[0] & ~(ICC_FLAG | EXIF_FLAG | XMP_FLAG)
        size = (old or b"")[4:10]
    else:
        header = picture(rest).header
        flags = ALPHA_FLAG if header.alpha else 0
        size = (header.width - 1).to_bytes(3, "little") + (header.height - 1).to_bytes(3, "little")
    for chunk in rest:
        flags |= FLAGS.get(chunk.name, 0)
    if [chunk.name for chunk in rest] not in ([b"VP8 "], [b"VP8L"]):
        rest.insert(0, Chunk(b"VP8X", bytes([flags, 0, 0, 0]) + size))
    return riff.build(FORM, rest)


def _place(chunk: Chunk) -> int:
    """Where the specification wants a chunk: profile, pixels, then EXIF, XMP and what is not known."""
    if chunk.name == b"ICCP":
        return 0
    return 1 if chunk.name in PICTURE else 2
