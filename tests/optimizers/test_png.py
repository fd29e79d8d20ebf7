"""PNG and APNG: what is proposed, what is kept, what goes."""

import contextlib
import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import oxipng
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from exceptions import UnprocessableImage
from optimizers.base import Candidate
from optimizers.png import Apng, Png
from optimizers.policy import Effort, Metadata, Policy
from optimizers.toolbox import Toolbox
from tests.helpers import decode, difference, encode, graphic, photo
from utils.png_chunks import INDEXED, Chunk, first, join, parse_header, split

PROFILE = b"profile" * 40
ICCP = Chunk(b"iCCP", b"name\0\0" + zlib.compress(PROFILE))
COLOUR = [
    Chunk(b"cICP", bytes([9, 1, 0, 1])),
    ICCP,
    Chunk(b"gAMA", struct.pack(">I", 45455)),
    Chunk(b"cHRM", struct.pack(">8I", *range(1, 9))),
    Chunk(b"mDCV", bytes(24)),
    Chunk(b"cLLI", bytes(8)),
]


DEFAULT = Policy()


def add(data: bytes, *extra: Chunk) -> bytes:
    """The file with more chunks after its header."""
    chunks, _ = split(data)
    return join([chunks[0], *extra, *chunks[1:]])


def types(data: bytes) -> list[bytes]:
    return [chunk.type for chunk in split(data)[0]]


def colour_type(data: bytes) -> int:
    return parse_header(split(data)[0][0].data).colour


def text(keyword: bytes, value: bytes) -> Chunk:
    return Chunk(b"tEXt", keyword + b"\0" + value)


def exif(orientation: int = 1, owner: str = "", secret: str = "") -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    if owner:
        block[0x8298] = owner
    if secret:
        block[0x010E] = secret
    return block.tobytes().removeprefix(b"Exif\0\0")


def grey16() -> Image.Image:
    ramp = np.arange(80 * 60, dtype="uint16").reshape(60, 80) * 13
    return Image.fromarray(ramp)


def hidden_colours() -> Image.Image:
    """Noise under full transparency beside a visible half."""
    samples = np.random.default_rng(3).integers(0, 256, (60, 80, 4), dtype="uint8")
    samples[:, :40, 3] = 0
    samples[:, 40:] = (10, 200, 30, 255)
    return Image.fromarray(samples, "RGBA")


def poorly_packed(image: Image.Image, **options: Any) -> bytes:
    return encode(image, "PNG", compress_level=1, **options)


def moving(**options: Any) -> bytes:
    frames = [graphic(90, 70, alpha=True), photo(90, 70).convert("RGBA"), graphic(90, 70).convert("RGBA")]
    settings_ = {"duration": [40, 1250, 70], "loop": 2, "disposal": [0, 1, 2], "blend": [0, 1, 0], **options}
    return poorly_packed(frames[0], save_all=True, append_images=frames[1:], **settings_)


def frames_of(data: bytes) -> Iterator[tuple[bytes, dict[str, Any]]]:
    with Image.open(io.BytesIO(data)) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            yield (
                image.convert("RGBA").tobytes(),
                {k: image.info.get(k) for k in ("duration", "blend", "disposal", "loop")},
            )


def controls(data: bytes) -> list[bytes]:
    return [chunk.data for chunk in split(data)[0] if chunk.type in (b"acTL", b"fcTL")]


async def candidates(data: bytes, tools: Toolbox, policy: Policy = DEFAULT) -> list[Candidate]:
    found = [c async for c in Png().optimize(data, Png().inspect(data), policy, tools)]
    assert tools.last_error is None
    return found


async def only(data: bytes, tools: Toolbox, policy: Policy = DEFAULT) -> Candidate:
    (candidate,) = await candidates(data, tools, policy)
    return candidate


def shown(data: bytes) -> Image.Image:
    """The picture on black."""
    image = decode(data).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image)


def palette_size(data: bytes) -> int:
    return len(first(split(data)[0], b"PLTE") or b"") // 3


KINDS: dict[str, bytes] = {
    "1": encode(graphic().convert("1"), "PNG"),
    "grey": encode(photo().convert("L"), "PNG"),
    "grey-transparent": encode(graphic().convert("L"), "PNG", transparency=255),
    "grey16": encode(grey16(), "PNG"),
    "grey-alpha": encode(graphic(alpha=True).convert("LA"), "PNG"),
    "palette": encode(photo().quantize(40), "PNG"),
    "palette2": encode(graphic().quantize(4), "PNG"),
    "palette-transparent": encode(graphic().quantize(16), "PNG", transparency=0),
    "rgb": encode(photo(), "PNG"),
    "rgb-transparent": encode(graphic(), "PNG", transparency=(255, 255, 255)),
    "rgba": encode(graphic(alpha=True), "PNG"),
    "interlaced": oxipng.optimize_from_memory(encode(photo(), "PNG"), interlace=oxipng.Interlacing.Adam7, force=True),
}


# detection and header


@pytest.mark.parametrize("data", [*KINDS.values(), moving(), b"", b"\x89PNG", b"GIF89a", KINDS["rgb"][:8]])
def test_one_of_both_claims_a_png_and_none_anything_else(data: bytes) -> None:
    claims = [optimizer().sniff(data[:4096]) for optimizer in (Png, Apng)]
    assert sum(claims) == data.startswith(b"\x89PNG\r\n\x1a\n")


def test_animation_is_claimed_by_apng() -> None:
    assert Apng().sniff(moving()[:4096])


def test_animation_is_seen_behind_a_large_profile() -> None:
    assert Apng().sniff(add(moving(), Chunk(b"iCCP", bytes(20_000)))[: 64 << 10])


@pytest.mark.parametrize(
    ("kind", "alpha", "depth"),
    [
        ("1", False, 1),
        ("grey", False, 8),
        ("grey-transparent", True, 8),
        ("grey16", False, 16),
        ("grey-alpha", True, 8),
        ("palette2", False, 8),
        ("palette-transparent", True, 8),
        ("rgb-transparent", True, 8),
        ("rgba", True, 8),
    ],
)
def test_header_of_a_still(kind: str, alpha: bool, depth: int) -> None:
    info = Png().inspect(KINDS[kind])
    assert (info.alpha, info.bit_depth, info.frames, info.loop) == (alpha, depth, 1, None)
    assert (info.width, info.height) == decode(KINDS[kind]).size


def test_header_of_an_animation() -> None:
    info = Apng().inspect(moving())
    assert (info.frames, info.durations, info.loop) == (3, (40, 1250, 70), 2)


def test_default_image_is_no_frame() -> None:
    assert Apng().inspect(moving(default_image=True, duration=[40, 1250], disposal=0, blend=0)).durations == (40, 1250)


@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_orientation_turns_the_displayed_size(prefix: bytes) -> None:
    info = Png().inspect(add(KINDS["rgb"], Chunk(b"eXIf", prefix + exif(orientation=6))))
    assert (info.orientation, info.displayed_size) == (6, (120, 160))


# cleaning

PRIVATE = (
    text(b"Comment", b"SECRET"),
    text(b"Software", b"SECRET"),
    text(b"Raw profile type iptc", b"SECRET"),
    Chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0SECRET"),
    Chunk(b"zTXt", b"Raw profile type exif\0\0SECRET"),
    Chunk(b"tIME", bytes(7)),
    Chunk(b"caBX", b"SECRET"),
    Chunk(b"eXIf", exif(orientation=6, owner="Ada", secret="SECRET")),
    text(b"Copyright", b"(c) Ada"),
)


async def test_safe_keeps_colour_orientation_and_copyright(tools: Toolbox) -> None:
    data = add(KINDS["rgb"], *COLOUR, *PRIVATE, Chunk(b"pHYs", bytes(9)))
    cleaned = await Png().clean(data, Metadata.SAFE, tools)
    assert cleaned is not None
    assert b"SECRET" not in cleaned.data
    assert [c for c in split(cleaned.data)[0] if c in COLOUR] == COLOUR
    assert set(types(cleaned.data)) >= {b"pHYs", b"tEXt"}
    assert Png().inspect(cleaned.data).orientation == 6
    assert b"(c) Ada" in cleaned.data
    assert set(cleaned.removed) == {"comment", "text", "iptc", "xmp", "exif", "time", "other"}
    assert decode(cleaned.data).tobytes() == decode(data).tobytes()


async def test_none_also_takes_the_copyright(tools: Toolbox) -> None:
    cleaned = await Png().clean(add(KINDS["rgb"], ICCP, *PRIVATE), Metadata.NONE, tools)
    assert cleaned is not None
    assert b"Ada" not in cleaned.data
    assert ICCP in split(cleaned.data)[0]
    assert Png().inspect(cleaned.data).orientation == 6
    assert "copyright" in cleaned.removed


async def test_all_keeps_every_byte(tools: Toolbox) -> None:
    data = add(KINDS["rgb"], *PRIVATE)
    cleaned = await Png().clean(data, Metadata.ALL, tools)
    assert cleaned is not None
    assert (cleaned.data, cleaned.removed) == (data, ())


@pytest.mark.parametrize("metadata", Metadata)
async def test_bytes_after_the_end_always_go(tools: Toolbox, metadata: Metadata) -> None:
    cleaned = await Png().clean(KINDS["rgb"] + b"PK\3\4", metadata, tools)
    assert cleaned is not None
    assert (cleaned.data, cleaned.removed) == (KINDS["rgb"], ("other",))


@pytest.mark.parametrize("metadata", [Metadata.SAFE, Metadata.NONE])
async def test_cleaning_twice_changes_nothing(tools: Toolbox, metadata: Metadata) -> None:
    once = await Png().clean(add(KINDS["rgb"], ICCP, *PRIVATE), metadata, tools)
    assert once is not None
    twice = await Png().clean(once.data, metadata, tools)
    assert twice is not None
    assert (twice.data, twice.removed) == (once.data, ())


async def test_cleaning_keeps_an_animation(tools: Toolbox) -> None:
    data = moving()
    cleaned = await Apng().clean(add(data, *PRIVATE[:-2]), Metadata.SAFE, tools)
    assert cleaned is not None
    assert cleaned.data == data


# stills


@pytest.mark.parametrize("kind", KINDS)
async def test_lossless_proposals_show_the_same_samples(tools: Toolbox, kind: str) -> None:
    proposal = await only(KINDS[kind], tools, Policy(lossless=True))
    assert proposal.lossless
    assert len(proposal.data) <= len(KINDS[kind])
    assert await tools.call(Png.look, proposal.data, "PNG") == await tools.call(Png.look, KINDS[kind], "PNG")


@pytest.mark.parametrize("kind", ["grey", "grey-alpha", "rgb", "rgba", "rgb-transparent", "interlaced"])
async def test_lossy_proposal_is_close_and_small(tools: Toolbox, kind: str) -> None:
    proposal = (await candidates(KINDS[kind], tools))[0]
    assert (proposal.method, proposal.lossless, proposal.quality) == ("pngquant+oxipng", False, 80)
    assert len(proposal.data) < len(KINDS[kind])
    assert colour_type(proposal.data) == INDEXED
    assert difference(shown(proposal.data), shown(KINDS[kind])) < 5


async def test_no_lossless_run_where_the_lossy_one_is_clearly_smaller(tools: Toolbox) -> None:
    await only(KINDS["rgb"], tools)
    assert [use.tool for use in tools.uses] == ["traits", "pngquant", "repack"]


@pytest.mark.parametrize("kind", ["1", "grey16", "palette", "palette2", "palette-transparent"])
async def test_few_colours_and_measurements_are_kept(tools: Toolbox, kind: str) -> None:
    assert (await only(KINDS[kind], tools)).lossless


async def test_high_dynamic_range_is_kept(tools: Toolbox) -> None:
    assert (await only(add(KINDS["rgb"], Chunk(b"cICP", bytes([9, 16, 0, 1]))), tools)).lossless


async def test_high_quality_is_lossless(tools: Toolbox) -> None:
    assert (await only(KINDS["rgb"], tools, Policy(quality=95))).lossless


async def test_sixteen_bit_greys_keep_their_depth(tools: Toolbox) -> None:
    grey = Image.fromarray(np.arange(80 * 60, dtype="uint16").reshape(60, 80) // 20 * 257)
    packed = await only(poorly_packed(grey), tools, Policy(lossless=True))
    assert Png().inspect(packed.data).bit_depth == 16


async def test_where_colours_do_not_suffice_pngquant_declines(tools: Toolbox) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (120, 160, 3), dtype="uint8")
    proposals = await candidates(encode(Image.fromarray(noise), "PNG"), tools, Policy(quality=94))
    assert [p.lossless for p in proposals] == [True]


async def test_hidden_colours_stay_when_every_sample_counts(tools: Toolbox) -> None:
    data = poorly_packed(hidden_colours())
    packed = await only(data, tools, Policy(lossless=True))
    assert decode(packed.data).convert("RGBA").tobytes() == decode(data).tobytes()


@pytest.mark.parametrize("quality", [80, 50])
@pytest.mark.parametrize("kind", ["grey", "rgb", "rgba", "palette"])
async def test_a_second_pass_loses_nothing(tools: Toolbox, kind: str, quality: int) -> None:
    once = min(await candidates(KINDS[kind], tools, Policy(quality=quality)), key=lambda c: len(c.data))
    again = await candidates(once.data, tools, Policy(quality=quality))
    assert [c.lossless for c in again] == [True]
    assert len(again[0].data) == len(once.data)


async def test_indexed_picture_loses_colours_where_few_bytes_are_asked_for(tools: Toolbox) -> None:
    data = encode(photo().quantize(256), "PNG")
    proposal = (await candidates(data, tools, Policy(quality=30)))[0]
    assert not proposal.lossless
    assert palette_size(proposal.data) < palette_size(data) / 2


async def test_lower_quality_is_smaller(tools: Toolbox) -> None:
    smooth = encode(photo().filter(ImageFilter.GaussianBlur(2)), "PNG")
    sizes = [len((await candidates(smooth, tools, Policy(quality=q)))[0].data) for q in (90, 80, 60, 20, 1)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.1 * sizes[-1]


@pytest.mark.parametrize("effort", Effort)
async def test_every_effort_proposes(tools: Toolbox, effort: Effort) -> None:
    proposal = await only(KINDS["rgb"], tools, Policy(effort=effort))
    assert len(proposal.data) < len(KINDS["rgb"])


async def test_same_input_same_bytes(tools: Toolbox) -> None:
    first_run, second_run = [(await only(KINDS["rgba"], tools)).data for _ in range(2)]
    assert first_run == second_run


# what a re-encoded picture keeps


@pytest.mark.parametrize("policy", [Policy(), Policy(lossless=True)])
async def test_everything_beside_the_samples_is_carried_over(tools: Toolbox, policy: Policy) -> None:
    extra = [*COLOUR, Chunk(b"eXIf", exif(6)), text(b"Copyright", b"Ada"), Chunk(b"pHYs", bytes(9))]
    extra += [Chunk(b"tIME", bytes(7)), Chunk(b"sTER", b"\0")]
    proposal = await only(add(KINDS["rgb"], *extra), tools, policy)
    assert [c for c in split(proposal.data)[0] if c in extra] == extra
    assert decode(proposal.data).info["icc_profile"] == PROFILE


async def test_chunks_behind_the_pixels_stay_behind(tools: Toolbox) -> None:
    chunks, _ = split(KINDS["rgb"])
    proposal = await only(join([*chunks[:-1], text(b"Copyright", b"Ada"), chunks[-1]]), tools)
    assert types(proposal.data)[-3:] == [b"IDAT", b"tEXt", b"IEND"]


async def test_what_counts_in_old_samples_goes_with_them(tools: Toolbox) -> None:
    stale = [Chunk(b"iDOT", bytes(28)), Chunk(b"sBIT", b"\5\6\5"), Chunk(b"PLTE", bytes(6)), Chunk(b"hIST", bytes(4))]
    proposal = await only(add(KINDS["rgb"], *stale), tools)
    assert set(types(proposal.data)) == {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
    assert first(split(proposal.data)[0], b"PLTE") != bytes(6)


async def test_significant_bits_stay_with_the_same_kind_of_samples(tools: Toolbox) -> None:
    proposal = await only(add(KINDS["rgb"], Chunk(b"sBIT", b"\5\6\5")), tools, Policy(lossless=True))
    assert first(split(proposal.data)[0], b"sBIT") == b"\5\6\5"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (graphic(), struct.pack(">3H", 220, 40, 40)),
        (graphic().convert("L"), struct.pack(">H", 20)),
        (graphic().quantize(8), None),
    ],
)
async def test_background_is_said_in_the_new_samples(tools: Toolbox, source: Image.Image, value: bytes | None) -> None:
    data = encode(source, "PNG")
    wanted = (220, 40, 40) if source.mode == "RGB" else (20, 20, 20)
    if value is None:
        wanted = tuple(source.getpalette() or [])[3:6]  # type: ignore[assignment]
        value = b"\1"
    chunks, _ = split(data)
    at = [chunk.type for chunk in chunks].index(b"IDAT")
    packed = await only(join([*chunks[:at], Chunk(b"bKGD", value), *chunks[at:]]), tools, Policy(lossless=True))
    assert background(packed.data) == wanted


async def test_background_that_the_new_samples_lack_goes(tools: Toolbox) -> None:
    data = add(encode(graphic(), "PNG"), Chunk(b"bKGD", struct.pack(">3H", 1, 2, 3)))
    assert b"bKGD" not in types((await only(data, tools, Policy(lossless=True))).data)


def background(data: bytes) -> Sequence[int]:
    chunks, _ = split(data)
    value = first(chunks, b"bKGD")
    assert value is not None
    if colour_type(data) == INDEXED:
        return tuple((first(chunks, b"PLTE") or b"")[3 * value[0] :][:3])
    depth = parse_header(chunks[0].data).depth
    samples = [v * 255 // ((1 << depth) - 1) for v in struct.unpack(f">{len(value) // 2}H", value)]
    return tuple(samples * (3 // len(samples)))


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("kind", ["grey", "grey-alpha"])
async def test_grey_profile_keeps_grey_samples(tools: Toolbox, kind: str, lossless: bool) -> None:
    proposal = await only(add(KINDS[kind], ICCP), tools, Policy(lossless=lossless))
    assert parse_header(split(proposal.data)[0][0].data).grey


async def test_colour_profile_keeps_colour_samples(tools: Toolbox) -> None:
    shades = add(encode(photo().convert("L").convert("RGB"), "PNG"), ICCP)
    proposal = await only(shades, tools, Policy(lossless=True))
    assert not parse_header(split(proposal.data)[0][0].data).grey


# animations


@pytest.mark.parametrize("effort", Effort)
async def test_animation_is_repacked_exactly(tools: Toolbox, effort: Effort) -> None:
    data = moving()
    packed = await only(data, tools, Policy(quality=10, effort=effort))
    assert packed.lossless
    assert len(packed.data) < len(data)
    assert list(frames_of(packed.data)) == list(frames_of(data))
    assert controls(packed.data) == controls(data)
    assert "pngquant" not in [use.tool for use in tools.uses]


@pytest.mark.parametrize("mode", ["P", "L", "1", "RGB"])
async def test_animation_in_every_kind_of_samples(tools: Toolbox, mode: str) -> None:
    first_frame = photo(90, 70).convert(mode)
    other = first_frame.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    data = poorly_packed(first_frame, save_all=True, append_images=[other], duration=50)
    packed = await only(data, tools)
    assert list(frames_of(packed.data)) == list(frames_of(data))


async def test_default_image_stays_outside_of_the_animation(tools: Toolbox) -> None:
    data = moving(default_image=True, duration=[40, 1250], disposal=0, blend=0)
    packed = await only(data, tools)
    assert list(frames_of(packed.data)) == list(frames_of(data))
    assert types(packed.data).index(b"IDAT") < types(packed.data).index(b"fcTL")


async def test_interlaced_frames_are_untangled(tools: Toolbox) -> None:
    chunks, _ = split(KINDS["interlaced"])
    control = struct.pack(">IIIIIHHBB", 0, 160, 120, 0, 0, 1, 10, 0, 0)
    second = [Chunk(b"fcTL", (1).to_bytes(4, "big") + control[4:])]
    second += [Chunk(b"fdAT", (2).to_bytes(4, "big") + (first(chunks, b"IDAT") or b""))]
    start = [Chunk(b"acTL", struct.pack(">II", 2, 0)), Chunk(b"fcTL", control)]
    data = join([chunks[0], *start, *chunks[1:-1], *second, chunks[-1]])
    packed = await only(data, tools)
    assert not parse_header(split(packed.data)[0][0].data).interlaced
    expected = decode(KINDS["interlaced"]).convert("RGBA").tobytes()
    assert [pixels for pixels, _ in frames_of(packed.data)] == [expected] * 2
    assert await tools.call(Apng.look, packed.data, "PNG") == await tools.call(Apng.look, data, "PNG")


async def test_animation_that_was_taken_for_a_still_is_kept(tools: Toolbox) -> None:
    data = add(moving(), Chunk(b"iCCP", b"n\0\0" + zlib.compress(np.random.default_rng(1).bytes(9000))))
    assert Png().sniff(data[:4096])
    packed = await only(data, tools)
    assert list(frames_of(packed.data)) == list(frames_of(data))


async def test_animation_repacked_twice_is_the_same(tools: Toolbox) -> None:
    once = await only(moving(), tools)
    assert (await only(once.data, tools)).data == once.data


# what decoders meet


async def test_long_texts_and_damaged_notes_do_not_hide_a_picture(tools: Toolbox) -> None:
    note = bytearray(
        add(KINDS["rgb"], Chunk(b"zTXt", b"Long\0\0" + zlib.compress(bytes(8 << 20))), text(b"Note", b"ab"))
    )
    note[note.index(b"Note\0ab")] ^= 1
    assert await tools.call(Png.look, bytes(note), "PNG") == await tools.call(Png.look, KINDS["rgb"], "PNG")


async def test_broken_pixels_are_refused(tools: Toolbox) -> None:
    chunks = [Chunk(c.type, c.data[:50]) if c.type == b"IDAT" else c for c in split(KINDS["rgb"])[0]]
    with pytest.raises(UnprocessableImage):
        await tools.call(Png.look, join(chunks), "PNG")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"PLTE", b"IDAT", b"acTL", b"fcTL", b"fdAT", b"tRNS", b"eXIf", b"tEXt", b"bKGD"]),
            st.one_of(st.binary(max_size=40), st.sampled_from([chunk.data for chunk in split(moving())[0]])),
        ),
        max_size=8,
    )
)
def test_nonsense_is_refused_or_read(parts: list[tuple[bytes, bytes]]) -> None:
    chunks, _ = split(moving())
    with contextlib.suppress(UnprocessableImage):
        Png().inspect(join([chunks[0], *(Chunk(*part) for part in parts), *chunks[1:]]))
