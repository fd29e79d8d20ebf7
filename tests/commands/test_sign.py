"""`sign`, held against what the service accepts."""

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from exceptions import SignatureRefused
from security.image_urls import UrlKey, check_signature
from tests.commands.shell import pare

SECRETS = "new:a-secret-that-is-long-enough-to-sign,old:another-secret-that-is-long-enough"
NEW, OLD = (UrlKey.parsed(text) for text in SECRETS.split(","))


@pytest.mark.parametrize(("options", "key", "other"), [((), NEW, OLD), (("--key-id", "old"), OLD, NEW)])
def test_what_is_printed_is_a_signed_url(tmp_path: Path, options: tuple[str, ...], key: UrlKey, other: UrlKey) -> None:
    code, out, err = pare(
        tmp_path, "sign", "shop/a cup.jpg", "w=600", "format=auto", "--expires-in", "60", *options, SIGNING_KEY=SECRETS
    )
    assert (code, err) == (0, "")
    url = urlsplit(out.strip())
    assert url.path == "/images/shop/a%20cup.jpg"
    pairs = parse_qsl(url.query)
    check_signature("shop/a cup.jpg", pairs, [key], 0)
    with pytest.raises(SignatureRefused):
        check_signature("shop/a cup.jpg", pairs, [other], 0)
    with pytest.raises(SignatureRefused):
        check_signature("shop/a cup.jpg", pairs, [key], 1e11)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("a.jpg", "w=0"), "w"),
        (("a.jpg", "width"), "name=value"),
        (("a.jpg", "--key-id", "none"), "none"),
    ],
)
def test_what_would_be_refused_is_not_signed(tmp_path: Path, args: tuple[str, ...], told: str) -> None:
    code, out, err = pare(tmp_path, "sign", *args, SIGNING_KEY=SECRETS)
    assert (code, out) == (2, "") and told in err


def test_without_a_secret_nothing_is_signed(tmp_path: Path) -> None:
    code, out, err = pare(tmp_path, "sign", "a.jpg")
    assert (code, out) == (2, "") and "SIGNING_KEY" in err
