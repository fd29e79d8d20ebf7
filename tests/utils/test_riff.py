"""RIFF chunks, read and written."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exceptions import ImageLimitExceeded, UnprocessableImage
from utils import riff
from utils.riff import Chunk

CHUNKS = (Chunk(b"ONE ", b"odd"), Chunk(b"TWO ", b""), Chunk(b"TRE ", b"even"))
FILE = riff.build(b"TEST", CHUNKS)


def test_round_trip() -> None:
    assert riff.parse(FILE, b"TEST") == riff.Riff(CHUNKS)
    assert len(FILE) % 2 == 0


def test_trailing_bytes_are_counted() -> None:
    assert riff.parse(FILE + b"abc", b"TEST").trailing == 3


def test_missing_last_padding_is_forgiven() -> None:
    data = riff.build(b"TEST", [Chunk(b"ONE ", b"odd")])
    assert riff.parse(data[:-1], b"TEST").chunks == (Chunk(b"ONE ", b"odd"),)


@pytest.mark.parametrize("data", [b"", b"RIFF", FILE[:-3], FILE[:4] + b"\xff\xff\xff\xff" + FILE[8:]])
def test_broken_files_are_refused(data: bytes) -> None:
    with pytest.raises(UnprocessableImage):
        riff.parse(data, b"TEST")


def test_too_many_chunks_are_refused() -> None:
    with pytest.raises(ImageLimitExceeded) as caught:
        riff.walk(bytes(riff.Chunk(b"JUNK", b"")) * (riff.MAX_CHUNKS + 1))
    assert caught.value.extensions == {"limit": riff.MAX_CHUNKS, "actual": riff.MAX_CHUNKS + 1}


def test_another_form_is_refused() -> None:
    with pytest.raises(UnprocessableImage):
        riff.parse(FILE, b"WAVE")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_total(tail: bytes) -> None:
    with contextlib.suppress(UnprocessableImage):
        riff.walk(tail)
