"""IPTC reduced to the copyright notice."""

import pytest

from utils.iptc import lean_iptc

UTF8, CITY, NOTICE = b"\x1c\x01\x5a\0\x03\x1b%G", b"\x1c\x02\x5a\0\x04Rome", b"\x1c\x02\x74\0\x07(c) Ada"


@pytest.mark.parametrize(
    ("block", "lean"),
    [
        (UTF8 + CITY + NOTICE, UTF8 + NOTICE),
        (UTF8 + CITY, b""),
        (NOTICE + b"\0\0", NOTICE),
        (NOTICE + CITY[:-1], NOTICE),
        (b"\x1c\x02\x74\xff\xff" + NOTICE, b""),
        (b"", b""),
    ],
)
def test_only_the_notice_stays(block: bytes, lean: bytes) -> None:
    assert lean_iptc(block, keep_copyright=True) == lean
    assert lean_iptc(block, keep_copyright=False) == b""
