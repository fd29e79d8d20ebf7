"""PNG files taken apart and put together."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exceptions import ImageLimitExceeded, UnprocessableImage
from tests.helpers import encode, graphic, photo
from utils.png_chunks import (
    MAX_CHUNKS,
    SIGNATURE,
    Chunk,
    announces_animation,
    first,
    join,
    parse_header,
    read_animation,
    read_header,
    split,
)

STILL = encode(graphic(40, 30), "PNG")
MOVING = encode(
    graphic(40, 30), "PNG", save_all=True, append_images=[photo(40, 30)], duration=[70, 1300], loop=3, disposal=1
)
IHDR = struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)


def still(*extra: Chunk, ihdr: bytes = IHDR) -> list[Chunk]:
    return [Chunk(b"IHDR", ihdr), *extra, Chunk(b"IDAT", b"x"), Chunk(b"IEND", b"")]


@pytest.mark.parametrize("data", [STILL, MOVING])
def test_join_gives_back_what_split_took_apart(data: bytes) -> None:
    chunks, trailing = split(data)
    assert join(chunks) == data
    assert trailing == b""


def test_bytes_after_the_end_are_told_apart() -> None:
    assert split(STILL + b"PK\3\4 more")[1] == b"PK\3\4 more"


@pytest.mark.parametrize("length", [0, 7, 8, 20, 40, len(STILL) - 12, len(STILL) - 1])
def test_cut_short_is_refused(length: int) -> None:
    with pytest.raises(UnprocessableImage):
        split(STILL[:length])


def test_length_of_four_gigabytes_is_refused() -> None:
    with pytest.raises(UnprocessableImage, match="cut short"):
        split(SIGNATURE + b"\xff\xff\xff\xffIHDR" + IHDR)


def test_endless_small_chunks_are_refused() -> None:
    with pytest.raises(ImageLimitExceeded, match="chunks"):
        split(SIGNATURE + Chunk(b"IHDR", IHDR).pack() + Chunk(b"teSt", b"").pack() * (MAX_CHUNKS + 1))


def test_wrong_checksum_is_fatal_in_critical_chunks_only() -> None:
    broken = bytearray(join(still(Chunk(b"teSt", b"abcd"))))
    broken[broken.index(b"abcd")] ^= 1
    assert [chunk.type for chunk in split(bytes(broken))[0] if not chunk.intact] == [b"teSt"]
    broken[16] ^= 1
    with pytest.raises(UnprocessableImage, match="damaged"):
        split(bytes(broken))


def test_unknown_critical_chunk_is_refused() -> None:
    with pytest.raises(UnprocessableImage, match="CgBI"):
        split(SIGNATURE + Chunk(b"CgBI", b"\0\0\0\0").pack())


def test_first_chunk_has_to_be_the_header() -> None:
    with pytest.raises(UnprocessableImage, match="IHDR"):
        split(join(still()[1:]))


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"height": 0},
        {"width": 1 << 31},
        {"depth": 4},
        {"colour": 5},
        {"compression": 1},
        {"filtering": 1},
        {"interlace": 2},
    ],
)
def test_header_that_cannot_be_is_refused(change: dict[str, int]) -> None:
    fields = {
        "width": 40, "height": 30, "depth": 8, "colour": 2, "compression": 0, "filtering": 0, "interlace": 0,
    } | change  # fmt: skip
    with pytest.raises(UnprocessableImage):
        parse_header(struct.pack(">IIBBBBB", *fields.values()))


@pytest.mark.parametrize("palette", [[], [Chunk(b"PLTE", b"")], [Chunk(b"PLTE", b"ab")], [Chunk(b"PLTE", b"a" * 771)]])
def test_indexed_picture_needs_a_palette(palette: list[Chunk]) -> None:
    with pytest.raises(UnprocessableImage, match="palette"):
        read_header(still(*palette, ihdr=struct.pack(">IIBBBBB", 40, 30, 8, 3, 0, 0, 0)))


def test_picture_needs_pixels() -> None:
    with pytest.raises(UnprocessableImage, match="IDAT"):
        read_header([chunk for chunk in still() if chunk.type != b"IDAT"])


def test_animation_is_seen_before_the_pixels_only() -> None:
    assert announces_animation(MOVING)
    assert not announces_animation(STILL)
    assert not announces_animation(join([*still()[:-1], Chunk(b"acTL", bytes(8)), Chunk(b"IEND", b"")]))
    assert not announces_animation(MOVING[:36])


def test_animation_is_read() -> None:
    chunks, _ = split(MOVING)
    animation = read_animation(chunks, read_header(chunks))
    assert animation is not None
    assert (animation.durations, animation.plays) == ((70, 1300), 3)


def test_still_has_no_animation() -> None:
    chunks, _ = split(STILL)
    assert read_animation(chunks, read_header(chunks)) is None


def test_delay_without_a_unit_counts_hundredths() -> None:
    chunks = animated(fcTL={"delay": 7, "unit": 0})
    animation = read_animation(chunks, read_header(chunks))
    assert animation is not None
    assert animation.durations == (70,)


@pytest.mark.parametrize(
    "change",
    [{"width": 41}, {"width": 0}, {"x": 1}, {"y": 0xFFFFFFFF}, {"dispose": 3}, {"blend": 2}, {"sequence": 1}],
)
def test_frame_that_cannot_be_is_refused(change: dict[str, int]) -> None:
    chunks = animated(fcTL=change)
    with pytest.raises(UnprocessableImage):
        read_animation(chunks, read_header(chunks))


@pytest.mark.parametrize("count", [0, 2])
def test_wrong_number_of_frames_is_refused(count: int) -> None:
    chunks = animated(fcTL={}, count=count)
    with pytest.raises(UnprocessableImage, match="frames"):
        read_animation(chunks, read_header(chunks))


def test_frame_without_pixels_is_refused() -> None:
    chunks = animated(fcTL={}, count=2)
    second = Chunk(b"fcTL", (1).to_bytes(4, "big") + (first(chunks, b"fcTL") or b"")[4:])
    with pytest.raises(UnprocessableImage, match="no pixels"):
        read_animation([*chunks[:-1], second, chunks[-1]], read_header(chunks))


def animated(fcTL: dict[str, int], count: int = 1) -> list[Chunk]:
    fields = {
        "sequence": 0, "width": 40, "height": 30, "x": 0, "y": 0, "delay": 1, "unit": 10, "dispose": 0, "blend": 0,
    } | fcTL  # fmt: skip
    control = Chunk(b"acTL", struct.pack(">II", count, 0))
    return still(control, Chunk(b"fcTL", struct.pack(">IIIIIHHBB", *fields.values())))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([STILL, MOVING]), st.data())
def test_nothing_but_a_refusal_comes_out_of_garbage(seed: bytes, draw: st.DataObject) -> None:
    data = bytearray(seed)
    for _ in range(draw.draw(st.integers(1, 8))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    announces_animation(bytes(data))
    try:
        chunks, _ = split(bytes(data))
        read_animation(chunks, read_header(chunks))
    except UnprocessableImage:
        pass


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"IHDR", b"PLTE", b"IDAT", b"acTL", b"fcTL", b"fdAT", b"tRNS", b"teSt"]),
            st.binary(max_size=30),
        )
    )
)
def test_well_packed_nonsense_is_refused_or_read(parts: list[tuple[bytes, bytes]]) -> None:
    data = join([Chunk(b"IHDR", IHDR), *(Chunk(*part) for part in parts), Chunk(b"IEND", b"")])
    try:
        chunks, _ = split(data)
        read_animation(chunks, read_header(chunks))
    except UnprocessableImage:
        pass
