"""Walk and write RIFF chunks (the container of WebP): four letters, a little-endian length, padded to even."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from exceptions import ImageLimitExceeded, UnprocessableImage

MAX_CHUNKS = 10_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk; `data` is what follows its length, without padding."""

    name: bytes
    data: bytes = field(repr=False)

    def __bytes__(self) -> bytes:
        return self.name + struct.pack("<I", len(self.data)) + self.data + b"\0" * (len(self.data) & 1)


@dataclass(frozen=True, slots=True)
class Riff:
    """A whole file; `trailing` counts the bytes after the length that its header states."""

    chunks: tuple[Chunk, ...]
    trailing: int = 0


def parse(data: bytes, form: bytes) -> Riff:
    """Read a file of one form (`WEBP`); raises UnprocessableImage where it is broken or cut short."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != form:
        raise UnprocessableImage("the RIFF header is broken")
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data) + 1:  # the last padding byte is often missing
        raise UnprocessableImage("the RIFF file is cut short")
    return Riff(tuple(walk(data[12:end])), max(0, len(data) - end - (end & 1)))


def walk(data: bytes, most: int = MAX_CHUNKS) -> list[Chunk]:
    """The chunks in a row of them.

    Raises UnprocessableImage where one reaches past the end, ImageLimitExceeded where there are too many.
    """
    chunks: list[Chunk] = []
    at = 0
    while at + 8 <= len(data):
        start = at + 8
        at = start + int.from_bytes(data[at + 4 : start], "little")
        if at > len(data):
            raise UnprocessableImage("the RIFF chunks are cut short")
        if len(chunks) == most:
            raise ImageLimitExceeded(f"more than {most:,} RIFF chunks", limit=most, actual=most + 1)
        chunks.append(Chunk(data[start - 8 : start - 4], data[start:at]))
        at += at & 1
    return chunks


def build(form: bytes, chunks: Iterable[Chunk]) -> bytes:
    """A file of one form."""
    body = form + b"".join(map(bytes, chunks))
    return b"RIFF" + struct.pack("<I", len(body)) + body
