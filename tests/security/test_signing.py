"""What is signed comes back; whatever else does not."""

import pytest

from security.signing import Signer

SIGNER = Signer("test", ["first", "second"])
TOKEN = SIGNER.sign(b'{"a": 1}\xff')


def test_what_was_signed_comes_back() -> None:
    assert SIGNER.verify(TOKEN) == b'{"a": 1}\xff'
    assert TOKEN.isascii() and not set(TOKEN) & set("+/=&? ")


def test_keys_can_be_rotated() -> None:
    renewed = Signer("test", ["new", "first"])
    assert renewed.verify(TOKEN)
    with pytest.raises(ValueError, match="signature"):
        Signer("test", ["first"]).verify(renewed.sign(b"x"))
    assert Signer("test", ["second", "first"]).verify(TOKEN), "the first one signs"
    with pytest.raises(ValueError, match="signature"):
        Signer("test", ["second"]).verify(TOKEN)


def test_purposes_do_not_mix() -> None:
    with pytest.raises(ValueError, match="signature"):
        Signer("another", ["first"]).verify(TOKEN)


@pytest.mark.parametrize("at", range(0, len(TOKEN), 7))
def test_every_other_character_is_refused(at: int) -> None:
    with pytest.raises(ValueError):
        SIGNER.verify(TOKEN[:at] + ("A" if TOKEN[at] != "A" else "B") + TOKEN[at + 1 :])


@pytest.mark.parametrize(
    "token", ["", ".", "a.b", TOKEN[:-4], TOKEN + "AAAA", TOKEN.partition(".")[0], "ü.ü", "a" * 9999]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(ValueError):
        SIGNER.verify(token)


def test_without_a_secret_nothing_is_right() -> None:
    assert not Signer("test", [])
    with pytest.raises(ValueError, match="signature"):
        Signer("test", []).verify(TOKEN)
