"""Gzip (RFC 1952) of one member, with limits on the way in and the same bytes every time on the way out."""

import zlib

from exceptions import ImageLimitExceeded, UnprocessableImage

MAGIC = b"\x1f\x8b\x08"
GZIP = 16 + zlib.MAX_WBITS


def claimed_size(data: bytes) -> int:
    """The unpacked size its last four bytes state; `gunzip` refuses a file whose claim is false."""
    return int.from_bytes(data[-4:], "little")


def gunzip(data: bytes, max_bytes: int) -> bytes:
    """All of it. Raises ImageLimitExceeded past the limit, UnprocessableImage where it is broken, cut or followed."""
    inflater = zlib.decompressobj(GZIP)
    try:
        out = inflater.decompress(data, max_bytes + 1)
    except zlib.error as error:
        raise UnprocessableImage("the gzip data is broken") from error
    if len(out) > max_bytes:
        raise ImageLimitExceeded(f"the file unpacks to more than {max_bytes} bytes", limit=max_bytes, actual=len(out))
    if not inflater.eof or inflater.unconsumed_tail or inflater.unused_data:
        raise UnprocessableImage("the gzip data is cut short or something follows it")
    return out


def gunzip_head(data: bytes, size: int) -> bytes:
    """The first unpacked bytes, as many as there are up to `size`; none where it is no gzip."""
    try:
        return zlib.decompressobj(GZIP).decompress(data, size)
    except zlib.error:
        return b""


def gzip(data: bytes) -> bytes:
    """Packed as small as zlib can, without name or time."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, GZIP, 9)
    return deflater.compress(data) + deflater.flush()
