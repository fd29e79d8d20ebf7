"""What the headers of VP8 (RFC 6386) and VP8L (RFC 9649) bitstreams say: size, transparency, quantizer."""

from dataclasses import dataclass

from exceptions import UnprocessableImage

HALF = 128
"""The probability of a bit that is stored as it is."""
SEGMENTS = 4


@dataclass(frozen=True, slots=True)
class Bitstream:
    """Size in pixels; `quantizer` is the mean index over the segments, 0 (finest) to 127, None where lossless."""

    width: int
    height: int
    alpha: bool = False
    quantizer: float | None = None


def lossless_header(data: bytes) -> Bitstream:
    """Read the head of a VP8L bitstream; raises UnprocessableImage."""
    if len(data) < 5 or data[0] != 0x2F:
        raise UnprocessableImage("the VP8L header is broken")
    bits = int.from_bytes(data[1:5], "little")
    if bits >> 29:
        raise UnprocessableImage("the VP8L version is unknown")
    return Bitstream((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, alpha=bool(bits >> 28 & 1))


def lossy_header(data: bytes) -> Bitstream:
    """Read the head of a VP8 key frame; raises UnprocessableImage."""
    if len(data) < 12 or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
        raise UnprocessableImage("the VP8 header is broken")
    width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    if not width or not height:
        raise UnprocessableImage("the VP8 frame has no size")
    return Bitstream(width, height, quantizer=_quantizer(BoolReader(data[10:])))


class BoolReader:
    """The arithmetic decoder of RFC 6386, section 7.3; past the end it reads zeros."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 2
        self._value = int.from_bytes(data[:2], "big")
        self._range = 255
        self._shifted = 0

    def bit(self) -> int:
        """One bit of even odds."""
        split = 1 + ((self._range - 1) * HALF >> 8)
        bit = int(self._value >= split << 8)
        if bit:
            self._range -= split
            self._value -= split << 8
        else:
            self._range = split
        while self._range < HALF:
            self._shift()
        return bit

    def number(self, bits: int) -> int:
        """An unsigned number, highest bit first."""
        value = 0
        for _ in range(bits):
            value = value << 1 | self.bit()
        return value

    def optional(self, bits: int, signed: bool = True) -> int:
        """A number behind a flag, with its sign behind it; 0 where the flag is off."""
        if not self.bit():
            return 0
        value = self.number(bits)
        return -value if signed and self.bit() else value

    def _shift(self) -> None:
        self._value <<= 1
        self._range <<= 1
        self._shifted += 1
        if self._shifted == 8:
            self._shifted = 0
            self._value |= self._data[self._at] if self._at < len(self._data) else 0
            self._at += 1


def _quantizer(reader: BoolReader) -> float:
    """Frame header fields in the order of RFC 6386, section 19.2, up to the base quantizer index."""
    reader.number(2)  # colour space, clamping
    absolute, segments = _segmentation(reader) if reader.bit() else (False, [0])
    reader.number(10)  # loop filter: type, level, sharpness
    if reader.bit() and reader.bit():
        for _ in range(8):
            reader.optional(6)
    reader.number(2)  # partitions
    base = reader.number(7)
    indices = [index if absolute else base + index for index in segments]
    return sum(min(127, max(0, index)) for index in indices) / len(indices)


def _segmentation(reader: BoolReader) -> tuple[bool, list[int]]:
    """Whether the segments' quantizers replace the base, and the quantizers."""
    has_map, has_data = reader.bit(), reader.bit()
    absolute, quantizers = False, [0]
    if has_data:
        absolute = bool(reader.bit())
        quantizers = [reader.optional(7) for _ in range(SEGMENTS)]
        for _ in range(SEGMENTS):
            reader.optional(6)
    if has_map:
        for _ in range(3):
            reader.optional(8, signed=False)
    return absolute, quantizers
