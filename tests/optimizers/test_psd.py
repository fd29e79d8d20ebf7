"""PSD: layers and channels stay to the last byte, metadata beside them goes."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from exceptions import UnprocessableImage
from optimizers.base import Candidate
from optimizers.policy import Metadata, Policy
from optimizers.psd import Psd, look_psd, pack_composite
from optimizers.toolbox import Toolbox
from tests.helpers import decode, graphic, photo
from utils.metadata import Exif, lean_exif
from utils.psd_sections import lean_resources, read

psd = Psd()
LAYERS = b"\0\0\0\0" + b"layers that only Photoshop understands"
NOTICE, CITY = b"\x1c\x02\x74\0\x07(c) Ada", b"\x1c\x02\x5a\0\x04Rome"


def resource(kind: int, value: bytes, name: bytes = b"") -> bytes:
    label = bytes([len(name)]) + name
    label += b"\0" * (len(label) % 2)
    return b"8BIM" + struct.pack(">H", kind) + label + struct.pack(">I", len(value)) + value + b"\0" * (len(value) % 2)


def document(
    image: Image.Image, resources: bytes = b"", layers: bytes = b"", depth: int = 8, mode: int = 3, version: int = 1
) -> bytes:
    """A document whose merged picture is raw, channel after channel."""
    planes = [channel.tobytes() for channel in image.split()]
    if depth == 16:
        planes = [bytes(byte for sample in plane for byte in (sample, sample ^ 1)) for plane in planes]
    header = struct.pack(">4sH6xHIIHH", b"8BPS", version, len(planes), image.height, image.width, depth, mode)
    sections = b"".join(struct.pack(">I", len(part)) + part for part in (b"", resources, layers))
    return header + sections + b"\0\0" + b"".join(planes)


async def candidates(data: bytes, tools: Toolbox) -> list[Candidate]:
    return [candidate async for candidate in psd.optimize(data, psd.inspect(data), Policy(), tools)]


PERSONAL = {
    1028: CITY + NOTICE,
    1036: b"a thumbnail",
    1058: lean_exif(Exif(copyright=b"Ada"), keep_copyright=True) + b"more of it",
    1060: b"<x:xmpmeta/>",
    1061: b"digest of iptc",
}
LASTING = {1005: b"resolution", 1039: b"a colour profile", 2000: b"a path", 1034: b"\1", 1035: b"https://ada.example"}


def everything() -> bytes:
    blocks = [resource(kind, value, b"odd"[: kind % 4]) for kind, value in sorted((PERSONAL | LASTING).items())]
    return document(graphic(), b"".join(blocks), LAYERS)


async def test_safe_takes_what_is_personal(tools: Toolbox) -> None:
    cleaned = await psd.clean(everything(), Metadata.SAFE, tools)
    assert cleaned is not None
    assert cleaned.removed == ("iptc", "thumbnail", "exif", "xmp")
    for trace in (b"Rome", b"thumbnail", b"more of it", b"xmpmeta", b"digest"):
        assert trace not in cleaned.data
    for kind, value in LASTING.items():
        assert resource(kind, value, b"odd"[: kind % 4]) in cleaned.data
    assert NOTICE in cleaned.data
    assert read(cleaned.data).layers == LAYERS
    assert decode(cleaned.data).tobytes() == graphic().tobytes()
    again = await psd.clean(cleaned.data, Metadata.SAFE, tools)
    assert again is not None
    assert (again.data, again.removed) == (cleaned.data, ())


async def test_none_takes_the_copyright_too(tools: Toolbox) -> None:
    cleaned = await psd.clean(everything(), Metadata.NONE, tools)
    assert cleaned is not None
    assert "copyright" in cleaned.removed
    assert b"Ada" not in cleaned.data
    assert b"ada.example" not in cleaned.data
    assert resource(1039, LASTING[1039], b"odd"[: 1039 % 4]) in cleaned.data


async def test_all_takes_nothing(tools: Toolbox) -> None:
    cleaned = await psd.clean(everything(), Metadata.ALL, tools)
    assert cleaned is not None
    assert (cleaned.data, cleaned.removed) == (everything(), ())


async def test_a_damaged_resource_is_kept_and_said(tools: Toolbox) -> None:
    data = document(photo(), resource(1060, b"<x:xmpmeta/>") + b"8BIM\xff")
    cleaned = await psd.clean(data, Metadata.SAFE, tools)
    assert cleaned is not None
    assert (cleaned.data, cleaned.kept) == (data, ("other",))


async def test_a_raw_picture_is_packed(tools: Toolbox) -> None:
    data = everything()
    (candidate,) = await candidates(data, tools)
    assert candidate.lossless
    assert len(candidate.data) < 0.4 * len(data)
    old, new = read(data), read(candidate.data)
    assert (new.coding, new.layers, new.resources) == (1, old.layers, old.resources)
    assert decode(candidate.data).tobytes() == graphic().tobytes()
    assert psd.inspect(candidate.data) == psd.inspect(data)
    assert await tools.call(look_psd, candidate.data, "PSD") == await tools.call(look_psd, data, "PSD")
    assert await candidates(candidate.data, tools) == []
    assert await candidates(data, tools) == [candidate]


async def test_other_depths_stay_as_they_are(tools: Toolbox) -> None:
    assert await candidates(document(graphic(), depth=16), tools) == []


async def test_a_depth_pillow_has_no_mode_for_is_looked_at(tools: Toolbox) -> None:
    data = document(graphic(), layers=LAYERS, depth=16)
    facts = await tools.call(look_psd, data, "PSD")
    assert facts is not None
    assert (facts["frames"], len(facts["thumbs"])) == (1, 1)
    changed = await tools.call(look_psd, data[:-1] + b"\x55", "PSD")
    assert changed is not None
    assert changed["pixels"] != facts["pixels"]
    with pytest.raises(UnprocessableImage):
        await tools.call(look_psd, data[:-1], "PSD")


async def test_layers_and_extra_channels_are_compared(tools: Toolbox) -> None:
    five = Image.merge("CMYK", [photo().convert("L")] * 4)
    extra = photo().convert("L").tobytes()
    data = bytearray(document(five, layers=LAYERS, mode=4) + extra)
    struct.pack_into(">H", data, 12, 5)
    before = await tools.call(look_psd, bytes(data), "PSD")
    last = await tools.call(look_psd, bytes(data[:-1]) + bytes([data[-1] ^ 1]), "PSD")
    layer = await tools.call(look_psd, bytes(data).replace(b"understands", b"understandz"), "PSD")
    assert before is not None
    assert last is not None
    assert layer is not None
    assert len({before["pixels"], last["pixels"], layer["pixels"]}) == 3
    packed = pack_composite(bytes(data))
    assert packed is not None
    assert await tools.call(look_psd, packed, "PSD") == before


def test_the_header_is_read() -> None:
    info = psd.inspect(document(graphic(alpha=True)))
    assert (info.width, info.height, info.alpha, info.bit_depth, info.frames) == (160, 120, True, 8, 1)
    assert not psd.inspect(document(photo())).alpha


def test_a_large_document_is_recognised_and_refused() -> None:
    data = document(photo(), version=2)
    assert psd.sniff(data[:100])
    with pytest.raises(UnprocessableImage, match="PSB"):
        psd.inspect(data)


def test_heads() -> None:
    assert psd.sniff(document(photo())[:100])
    assert not any(psd.sniff(head) for head in (b"", b"8BPS", b"8BPS\0\3", b"8BIM\0\1"))


@pytest.mark.parametrize("length", [0, 20, 26, 40])
def test_a_document_cut_short_is_refused(length: int) -> None:
    with pytest.raises(UnprocessableImage):
        psd.inspect(document(photo())[:length])


def test_too_many_resources_are_not_walked() -> None:
    with pytest.raises(ValueError, match="damaged"):
        lean_resources(resource(1005, b"") * 20_000, keep_copyright=True)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_mutation_escapes(data: st.DataObject) -> None:
    file = bytearray(SAMPLE)
    for _ in range(data.draw(st.integers(1, 5))):
        file[data.draw(st.integers(0, 500))] = data.draw(st.integers(0, 255))
    file = file[: data.draw(st.integers(0, len(file)))]
    psd.sniff(bytes(file))
    try:
        psd.inspect(bytes(file))
        lean_resources(read(bytes(file)).resources, keep_copyright=True)
        pack_composite(bytes(file))
    except (UnprocessableImage, ValueError):
        pass


SAMPLE = everything()
