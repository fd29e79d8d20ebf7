"""Bad files: broken variants of a good one, and bombs."""

import gzip
import random
import struct
import zlib


def mutate(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """One broken variant of a file: cut, flipped, with an extreme field, with a piece lost, doubled or another's."""
    at, end = sorted(chance.randrange(len(data)) for _ in range(2))
    field = chance.choice([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]).to_bytes(4, "big")
    head = chance.randrange(min(64, len(data)))
    variants = (
        data[: at + 1],
        data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :],
        data[:at] + field + data[at + 4 :],
        data[:head] + field[: chance.choice([1, 2, 4])] + data[head + 4 :],
        data[: at + 1] + data[end:],
        data[: end + 1] + data[at:],
        data + other,
        data[: head + 1] + other,
    )
    return chance.choice(variants)


def png(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks between header and end."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def gif(width: int, height: int, frames: int) -> bytes:
    """A GIF of one-pixel frames on a screen of this size."""
    screen = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return screen + (b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\2\2\x4c\1\0") * frames + b";"


def svg(body: str) -> bytes:
    """A small drawing of this."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{body}</svg>'.encode()


BOMBS = {
    "png of 900 million pixels": png(30_000, 30_000, (b"IDAT", bytes(9))),
    "png of 2^62 pixels": png(2**31 - 1, 2**31 - 1, (b"IDAT", bytes(9))),
    "png of 200,000 chunks": png(9, 9, *[(b"tEXt", b"")] * 200_000),
    "gif of 5,000 frames": gif(9, 9, 5000),
    "gif of 4 billion pixels": gif(65535, 65535, 1),
    "gif of 600,000 sub-blocks": gif(9, 9, 1)[:19] + b"\x21\xfe" + b"\1a" * 600_000 + b"\0" + gif(9, 9, 1)[19:],
    "bmp of 2.5 billion pixels": b"BM"
    + struct.pack("<IHHIIiiHHIIiiII", 99, 0, 0, 54, 40, 50_000, 50_000, 1, 8, 1, 9, 0, 0, 0, 0)
    + bytes(45),
    "svg of 10^16 pixels": b'<svg xmlns="http://www.w3.org/2000/svg" width="99999999" height="99999999"/>',
}

UNPACKED = {
    "svg 100,000 deep": svg("<g>" * 100_000 + "</g>" * 100_000),
    "svg of 500,000 elements": svg("<g/>" * 500_000),
    "svg of 10,000 attributes": svg("<g " + " ".join(f'a{n}=""' for n in range(10_000)) + "/>"),
    "svg with entities": b'<!DOCTYPE svg [<!ENTITY a "aaaa">]>' + svg("<text>&a;</text>"),
    "svg with a billion laughs": b"<!DOCTYPE svg [<!ENTITY e0 'x'>"
    + b"".join(b"<!ENTITY e%d '%s'>" % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 12))
    + b"]>"
    + svg("<text>&e11;</text>"),
    "svg with a file for an entity": b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    + svg("<text>&a;</text>"),
    "svgz of 200 MB": gzip.compress(svg(" " * 200_000_000), 9),
    "svgz in an svgz": gzip.compress(gzip.compress(svg(""))),
}
"""Bombs that only reading to some depth tells."""
