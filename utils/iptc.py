"""IPTC-NAA records (IIM 4.2): reduced to the copyright notice."""

MARK = 0x1C
MAX_BLOCK = 1 << 20
CHARACTER_SET, COPYRIGHT_NOTICE = (1, 90), (2, 116)


def lean_iptc(block: bytes, *, keep_copyright: bool) -> bytes:
    """The copyright notice and its character set alone; empty where there is none or it must not stay."""
    kept, notice, at = [], False, 0
    keep_copyright &= len(block) <= MAX_BLOCK
    while keep_copyright and at + 5 <= len(block) and block[at] == MARK:
        size = int.from_bytes(block[at + 3 : at + 5], "big")
        end = at + 5 + size
        if size > 0x7FFF or end > len(block):
            break
        dataset = (block[at + 1], block[at + 2])
        if dataset in (CHARACTER_SET, COPYRIGHT_NOTICE):
            kept.append(block[at:end])
            notice |= dataset == COPYRIGHT_NOTICE
        at = end
    return b"".join(kept) if notice else b""
