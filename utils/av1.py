"""How coarsely an AV1 still was written: the base quantizer index in its frame header (AV1 5.5, 5.9)."""

from dataclasses import dataclass

from exceptions import UnprocessableImage

SEQUENCE_HEADER, FRAME_HEADER, FRAME = 1, 3, 6
MAX_TILES_LOG2 = 6
MAX_TILE_WIDTH, MAX_TILE_AREA = 4096, 4096 * 2304
MAX_UNITS = 64


class Bits:
    """Bits from the highest on; raises UnprocessableImage past the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data)
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """An unsigned number of so many bits."""
        if count > self._left:
            raise UnprocessableImage("the AV1 header is cut short")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)


@dataclass(frozen=True, slots=True)
class Sequence:
    """What of a still's sequence header its frame header is read by."""

    width: int
    height: int
    large_blocks: bool
    may_scale: bool


def base_quantizer(data: bytes) -> int | None:
    """0 (finest) to 255 of a coded still; None where it is written in another way than encoders write stills.

    Raises UnprocessableImage where it is broken.
    """
    sequence = None
    for kind, body in _units(data):
        if kind == SEQUENCE_HEADER:
            sequence = _sequence(Bits(body[:64]))
        elif kind in (FRAME_HEADER, FRAME):
            return _quantizer(Bits(body[:64]), sequence) if sequence else None
    return None


def _units(data: bytes) -> list[tuple[int, bytes]]:
    """The first units' types and contents, as far as they say how long they are."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data) and len(found) < MAX_UNITS and data[at] & 2:
        kind = data[at] >> 3 & 15
        at += 2 if data[at] & 4 else 1
        size = shift = 0
        while at < len(data) and shift < 56:
            size |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 0x80:
                break
        found.append((kind, data[at : at + size]))
        at += size
    return found


def _sequence(bits: Bits) -> Sequence | None:
    bits.take(4)  # profile, still
    if not bits.take(1):
        return None
    bits.take(5)  # level
    across, down = bits.take(4) + 1, bits.take(4) + 1
    width, height = bits.take(across) + 1, bits.take(down) + 1
    large = bits.take(1)
    bits.take(2)  # filters
    return Sequence(width, height, bool(large), bool(bits.take(1)))


def _quantizer(bits: Bits, sequence: Sequence) -> int | None:
    bits.take(1)  # whether probabilities adapt
    screen_tools = bits.take(1)
    bits.take(screen_tools)
    width, scaled = sequence.width, sequence.may_scale and bits.take(1)
    if scaled:
        width = 8 * width // (bits.take(3) + 9)
    if bits.take(1):  # another size to be shown in
        bits.take(32)
    bits.take(1 if screen_tools and not scaled else 0)
    return bits.take(8) if _passes_tiles(bits, width, sequence) else None


def _passes_tiles(bits: Bits, width: int, sequence: Sequence) -> bool:
    """Read over the tiles; False where they are not of equal size."""
    side = 7 if sequence.large_blocks else 6
    columns, rows = (-(-length // 8 * 8 >> side) for length in (width, sequence.height))
    if not bits.take(1):
        return False
    across = _log2(MAX_TILE_WIDTH >> side, columns)
    least = max(across, _log2(MAX_TILE_AREA >> 2 * side, rows * columns))
    across = _grown(bits, across, min(MAX_TILES_LOG2, _log2(1, columns)))
    down = _grown(bits, max(least - across, 0), min(MAX_TILES_LOG2, _log2(1, rows)))
    if across or down:
        bits.take(across + down + 2)
    return True


def _grown(bits: Bits, value: int, most: int) -> int:
    """Counted up for every set bit."""
    while value < most and bits.take(1):
        value += 1
    return value


def _log2(block: int, target: int) -> int:
    """The least power of two by which the block reaches the target."""
    return max(0, (-(-target // block) - 1).bit_length())
