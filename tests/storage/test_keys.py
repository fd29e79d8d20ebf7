"""Names of objects: what is refused, how they stand in URLs, what templates make of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exceptions import InvalidKey
from storage.keys import check_key, check_prefix, expand, plain_name, quoted, served_at


@pytest.mark.parametrize(
    "key", ["a", "a/b.png", "...", "a..b/c", ".well-known/x", "100%", "50%25.png", "ü b", "x" * 255]
)
def test_plain_keys_stay_as_they_are(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "..\\a", "a\tb", "a\x7f", "a\x85b",
        "a\u2028b", "%2e%2e/a", "%2E%2E%2fetc", "%252e%252e/a", "%25252e%25252e", "a%00b", "a%5cb", "a%2f%2fb", "%0a",
    ],
)  # fmt: skip
def test_ambiguous_keys_are_refused(key: str) -> None:
    with pytest.raises(InvalidKey):
        check_key(key)


def test_length_is_counted_in_bytes() -> None:
    assert check_key("/".join(["x" * 255] * 4))
    for key in ("ü" * 128, "/".join(["x" * 204] * 6)):
        with pytest.raises(InvalidKey, match="longer"):
            check_key(key)


@given(st.text(max_size=40))
def test_what_passes_stays_inside(key: str) -> None:
    try:
        check_key(key)
    except InvalidKey:
        return
    assert not {"", ".", ".."} & set(key.split("/"))
    assert quoted(key).isascii()
    assert served_at("b", key).startswith("/storage/b/")


def test_a_prefix_may_end_in_a_slash_and_be_empty() -> None:
    assert (check_prefix(""), check_prefix("a/b/"), check_prefix("a")) == ("", "a/b", "a")
    for prefix in ("/", "a//", "../"):
        with pytest.raises(InvalidKey):
            check_prefix(prefix)


def test_urls_quote_all_that_is_reserved() -> None:
    assert quoted("a b/ü?#&+%~'.png") == "a%20b/%C3%BC%3F%23%26%2B%25~%27.png"


def test_templates() -> None:
    facts = {"digest": "0f3a", "filename": "C:\\My Photos\\sea & sun.final.JPG", "extension": "webp"}
    assert expand("p/{hash}/{name}.{ext}", **facts) == "p/0f3a/sea-sun.final.webp"
    assert expand("plain.png", **facts) == "plain.png"
    for template in ("{path}", "a/{}", "{hash.__class__}", "{ext}/../x", "{0}"):
        with pytest.raises(InvalidKey):
            expand(template, **facts)


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        (None, "image"), ("", "image"), ("../../etc/passwd", "passwd"), ("..", "image"), ("ü.png", "image"),
        ("a/b\\c.png", "c"), ("{hash}.png", "hash"), ("%2e%2e", "2e-2e"), ("x" * 300 + ".png", "x" * 100),
    ],
)  # fmt: skip
def test_a_senders_file_name_cannot_leave_its_place(filename: str | None, name: str) -> None:
    assert plain_name(filename) == name
