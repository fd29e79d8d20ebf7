"""How much the texts and the colour profile of a PNG hold once unpacked (W3C PNG, third edition, section 11.3.3)."""

import zlib
from collections.abc import Iterable

from utils.png_chunks import Chunk

COUNTED = 128 << 20
"""Where counting ends: a bomb is one by then."""
STEP = 16 << 10
NOTES = {b"tEXt", b"eXIf", b"zTXt", b"iTXt", b"iCCP"}


def notes_size(chunks: Iterable[Chunk]) -> int:
    """Bytes of all notes as a reader holds them; a little more than `COUNTED` where there are more."""
    total = 0
    for chunk in chunks:
        if chunk.type in NOTES:
            total += len(chunk.data) + _unpacked_size(_packed_part(chunk), COUNTED - total)
        if total > COUNTED:
            break
    return total


def _packed_part(chunk: Chunk) -> bytes:
    """What follows the keyword, and in iTXt the language, where it is deflated."""
    rest = chunk.data.partition(b"\0")[2]
    if chunk.type in (b"zTXt", b"iCCP"):
        return rest[1:]
    if chunk.type == b"iTXt" and rest[:1] == b"\1":
        return rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return b""


def _unpacked_size(packed: bytes, most: int) -> int:
    inflater, size = zlib.decompressobj(), 0
    try:
        for at in range(0, len(packed), STEP):
            size += len(inflater.decompress(packed[at : at + STEP]))
            if size > most:
                break
    except zlib.error:
        pass  # what came before is what a reader gets
    return size
