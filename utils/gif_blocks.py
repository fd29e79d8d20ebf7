"""Walk and rewrite the blocks of a GIF (GIF89a specification, W3C copy): no pixel is decoded."""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from exceptions import ImageLimitExceeded, UnprocessableImage

EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
GRAPHIC_CONTROL, PLAIN_TEXT, COMMENT, APPLICATION = 0xF9, 0x01, 0xFE, 0xFF
COLOR_TABLE_FLAG = 0x80
LOOP_NAMES = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
STRAYS = re.compile(rb"\0*")
MAX_BLOCKS = 20_000
MAX_SUB_BLOCKS = 500_000
"""In one file; data written in full sub-blocks of 255 bytes would be 127 MB."""


@dataclass(frozen=True, slots=True)
class Screen:
    """The header and logical screen descriptor; `palette` is the global colour table, RGB triples."""

    head: bytes
    width: int
    height: int
    palette: bytes = b""

    def __bytes__(self) -> bytes:
        return self.head + self.palette

    @property
    def colours(self) -> int:
        """Entries of the global colour table."""
        return len(self.palette) // 3


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension block; `data` is the first sub-block, `raw` the whole block."""

    label: int
    data: bytes
    raw: bytes = field(repr=False)

    def __bytes__(self) -> bytes:
        return self.raw

    @property
    def is_loop(self) -> bool:
        """Whether it says how often an animation plays."""
        return self.label == APPLICATION and self.data in LOOP_NAMES

    def payload(self) -> bytes:
        """The bytes of every sub-block, joined."""
        return b"".join(self.raw[start:end] for start, end in _sub_blocks(self.raw, 2))


@dataclass(frozen=True, slots=True)
class Image:
    """An image descriptor with its local colour table and its compressed data (`coded`, sub-blocks as stored)."""

    head: bytes
    box: tuple[int, int, int, int]
    """Left, top, right, bottom in pixels of the logical screen."""
    palette: bytes
    coded: bytes = field(repr=False)

    def __bytes__(self) -> bytes:
        return self.head + self.palette + self.coded

    @property
    def area(self) -> int:
        """Pixels."""
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)

    @property
    def colours(self) -> int:
        """Entries of its own colour table."""
        return len(self.palette) // 3

    def with_palette(self, palette: bytes) -> "Image":
        """The same frame with a colour table of its own, where it had none."""
        if self.palette:
            return self
        size = (len(palette) // 3).bit_length() - 2
        flags = self.head[9] & ~7 | COLOR_TABLE_FLAG | size
        return Image(self.head[:9] + bytes([flags]), self.box, palette, self.coded)


Block = Extension | Image


@dataclass(frozen=True, slots=True)
class Gif:
    """A whole file; `trailing` counts the bytes after the trailer."""

    screen: Screen
    blocks: tuple[Block, ...]
    trailing: int = 0

    def __bytes__(self) -> bytes:
        return b"".join((bytes(self.screen), *map(bytes, self.blocks), bytes([TRAILER])))

    @property
    def images(self) -> list[Image]:
        """The frames."""
        return [block for block in self.blocks if isinstance(block, Image)]


@dataclass(frozen=True, slots=True)
class Control:
    """A graphic control extension: `delay` in hundredths of a second, `disposal` 0-7 (2: cleared, 3: put back)."""

    delay: int = 0
    disposal: int = 0
    transparent: int | None = None
    """The palette index that shows what lies below."""


def parse(data: bytes) -> Gif:
    """Read every block; raises UnprocessableImage where the file is broken or cut short."""
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 13:
        raise UnprocessableImage("the GIF header is broken")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _table_size(flags)
    screen = Screen(data[:13], width, height, data[13:at])
    blocks: list[Block] = []
    sub_blocks = 0
    while (at := _past_strays(data, at)) < len(data) and data[at] != TRAILER:
        if len(blocks) >= MAX_BLOCKS:
            raise ImageLimitExceeded(
                f"the GIF has more than {MAX_BLOCKS:,} blocks", limit=MAX_BLOCKS, actual=MAX_BLOCKS + 1
            )
        block, at, count = _block(data, at)
        blocks.append(block)
        sub_blocks += count
        if sub_blocks > MAX_SUB_BLOCKS:
            raise _too_many_sub_blocks()
    gif = Gif(screen, tuple(blocks), max(0, len(data) - at - 1))
    if not gif.images:
        raise UnprocessableImage("the GIF has no frame")
    return gif


def closed(head: bytes) -> bytes:
    """A whole file of the first bytes of one: its last frame ends where they do. Raises UnprocessableImage."""
    at, end = 13 + _table_size(head[10] if len(head) > 10 else 0), 0
    while at < len(head) and head[at] in (0, EXTENSION, IMAGE):
        try:
            at = at + 1 if head[at] == 0 else _block(head, at)[1]
        except UnprocessableImage:
            if head[at] == IMAGE and at + 10 < len(head):
                end = at + 11 + _table_size(head[at + 9])
            break
    if not end:
        return head[:at] + bytes([TRAILER])
    while end < len(head) and end + 1 + head[end] <= len(head):
        end += 1 + head[end] if head[end] else len(head)
    return head[:end] + bytes([0, TRAILER])


def controls(blocks: Iterable[Block]) -> Iterator[Control]:
    """The graphic control that is in force for each frame, in order."""
    control = Control()
    for block in blocks:
        if isinstance(block, Image):
            yield control
            control = Control()
        elif block.label == GRAPHIC_CONTROL and len(block.data) == 4:
            flags, delay, index = struct.unpack("<BHB", block.data)
            control = Control(delay, flags >> 2 & 7, index if flags & 1 else None)


def first_frame(gif: Gif) -> Gif:
    """The file up to its first frame."""
    end = next(at for at, block in enumerate(gif.blocks) if isinstance(block, Image)) + 1
    return Gif(gif.screen, gif.blocks[:end])


def still(screen: Screen, image: Image) -> Gif:
    """One frame as a file of its own, moved to the corner of a screen of its size."""
    left, top, right, bottom = image.box
    size = struct.pack("<HH", right - left, bottom - top)
    alone = Screen(screen.head[:6] + size + screen.head[10:], right - left, bottom - top, screen.palette)
    moved = Image(
        image.head[:1] + bytes(4) + size + image.head[9:],
        (0, 0, right - left, bottom - top),
        image.palette,
        image.coded,
    )
    return Gif(alone, (moved,))


def loop_count(blocks: Iterable[Block]) -> int | None:
    """The stored repeat count of an animation, 0 for ever; None where the file does not say."""
    for block in blocks:
        if isinstance(block, Extension) and block.is_loop:
            said = block.payload()[len(block.data) :]
            if len(said) >= 3 and said[0] & 7 == 1:
                return int.from_bytes(said[1:3], "little")
    return None


def extension(label: int, *parts: bytes) -> Extension:
    """An extension block of these sub-blocks, each of 1-255 bytes."""
    body = b"".join(bytes([len(part)]) + part for part in parts)
    return Extension(label, parts[0] if parts else b"", bytes([EXTENSION, label]) + body + b"\0")


def _past_strays(data: bytes, at: int) -> int:
    """The next byte that is no stray terminator, which every decoder passes over."""
    found = STRAYS.match(data, at)
    return found.end() if found else at


def _block(data: bytes, at: int) -> tuple[Block, int, int]:
    """The block, where the next one starts, and how many sub-blocks it has."""
    if data[at] == EXTENSION:
        return _extension(data, at)
    if data[at] == IMAGE:
        return _image(data, at)
    raise UnprocessableImage(f"the GIF has an unknown block at byte {at}")


def _extension(data: bytes, at: int) -> tuple[Extension, int, int]:
    end, count = _chain(data, at + 2)
    first = data[at + 3 : at + 3 + data[at + 2]]
    return Extension(data[at + 1], first, data[at : end + 1]), end + 1, count


def _image(data: bytes, at: int) -> tuple[Image, int, int]:
    if at + 10 > len(data):
        raise UnprocessableImage("the GIF is cut short")
    left, top, width, height, flags = struct.unpack_from("<HHHHB", data, at + 1)
    coded = at + 10 + _table_size(flags)
    end, count = _chain(data, coded + 1)
    box = (left, top, left + width, top + height)
    return Image(data[at : at + 10], box, data[at + 10 : coded], data[coded : end + 1]), end + 1, count


def _chain(data: bytes, at: int) -> tuple[int, int]:
    """Where the terminator of a chain of sub-blocks lies, and how many there are; bounded, as it stalls the loop."""
    count, last = 0, len(data) - 1
    while at <= last and (size := data[at]):
        at += 1 + size
        count += 1
        if count > MAX_SUB_BLOCKS:
            raise _too_many_sub_blocks()
    if at > last:
        raise UnprocessableImage("the GIF is cut short")
    return at, count


def _too_many_sub_blocks() -> UnprocessableImage:
    return UnprocessableImage(f"the GIF has more than {MAX_SUB_BLOCKS} sub-blocks")


def _sub_blocks(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Start and end of each sub-block up to the terminator, which lies at the last end."""
    while at < len(data):
        size = data[at]
        if not size:
            return
        if at + 1 + size >= len(data):
            break
        yield at + 1, at + 1 + size
        at += 1 + size
    raise UnprocessableImage("the GIF is cut short")


def _table_size(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & COLOR_TABLE_FLAG else 0
