"""What VP8 and VP8L headers say."""

import pytest

from exceptions import UnprocessableImage
from tests.helpers import encode, graphic, photo
from utils import riff, vp8


def _bitstream(data: bytes, name: bytes) -> bytes:
    return next(chunk.data for chunk in riff.parse(data, b"WEBP").chunks if chunk.name == name)


@pytest.mark.parametrize("method", [0, 4, 6])
def test_quantizer_falls_as_quality_rises(method: int) -> None:
    files = [encode(photo(), "WEBP", quality=quality, method=method) for quality in (10, 40, 70, 80, 90, 100)]
    indices = [vp8.lossy_header(_bitstream(file, b"VP8 ")).quantizer for file in files]
    assert all(index is not None for index in indices)
    assert indices == sorted(indices, reverse=True) and len(set(indices)) == len(indices)  # type: ignore[type-var]
    assert indices[-1] == 0


def test_lossy_size() -> None:
    header = vp8.lossy_header(_bitstream(encode(photo(161, 99), "WEBP"), b"VP8 "))
    assert (header.width, header.height, header.alpha) == (161, 99, False)


@pytest.mark.parametrize("alpha", [False, True])
def test_lossless_size_and_alpha(alpha: bool) -> None:
    header = vp8.lossless_header(_bitstream(encode(graphic(161, 99, alpha), "WEBP", lossless=True), b"VP8L"))
    assert header == vp8.Bitstream(161, 99, alpha)


@pytest.mark.parametrize("read", [vp8.lossy_header, vp8.lossless_header])
@pytest.mark.parametrize("data", [b"", b"\x2f", bytes(40), b"\xff" * 40, b"\x2f\xff\xff\xff\xff"])
def test_garbage_is_refused(read: type, data: bytes) -> None:
    with pytest.raises(UnprocessableImage):
        read(data)


def test_frame_without_size_is_refused() -> None:
    data = bytearray(_bitstream(encode(photo(), "WEBP"), b"VP8 "))
    data[6:8] = b"\0\0"
    with pytest.raises(UnprocessableImage):
        vp8.lossy_header(bytes(data))


def test_header_cut_in_its_bits_reads_zeros() -> None:
    data = _bitstream(encode(photo(), "WEBP"), b"VP8 ")
    assert vp8.lossy_header(data[:12]).quantizer is not None
