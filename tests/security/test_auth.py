"""Who is calling: spellings of a key, and addresses behind proxies."""

import base64

import pytest

from exceptions import Unauthorized
from security.auth import ApiKeys, client_address, identify

KEYS = ApiKeys(["first-key", "second-key"])


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer first-key"},
        {"authorization": "bearer second-key"},
        {"x-api-key": "second-key"},
        basic("api", "first-key"),
    ],
)
def test_every_spelling_of_a_live_key(headers: dict[str, str]) -> None:
    caller = identify(headers, "1.2.3.4", KEYS, required=True)
    assert caller.authenticated
    assert "key" not in caller.name.removeprefix("key:")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer first-kex"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer first-key,second-key"},
        {"authorization": "Digest first-key"},
        {"authorization": "Basic !!!"},
        {"authorization": "first-key"},
        {"x-api-key": ""},
        {"x-api-key": "schlüssel"},
        {"authorization": "Bearer wrong", "x-api-key": "first-key"},
        basic("api", "wrong"),
    ],
)
def test_a_wrong_credential_is_refused_even_where_none_is_needed(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        identify(headers, "1.2.3.4", KEYS, required=False)


def test_no_credential() -> None:
    assert identify({}, "1.2.3.4", KEYS, required=False).name == "1.2.3.4"
    with pytest.raises(Unauthorized):
        identify({}, "1.2.3.4", KEYS, required=True)


def test_without_keys_credentials_are_ignored() -> None:
    assert not identify({"authorization": "Bearer any"}, "1.2.3.4", ApiKeys([]), required=False).authenticated


@pytest.mark.parametrize(
    ("peer", "forwarded", "hops", "expected"),
    [
        ("10.0.0.1", "9.9.9.9", 0, "10.0.0.1"),
        ("10.0.0.1", "9.9.9.9", 1, "9.9.9.9"),
        ("10.0.0.1", "6.6.6.6, 9.9.9.9", 1, "9.9.9.9"),
        ("10.0.0.1", "6.6.6.6, 9.9.9.9, 10.0.0.2", 2, "9.9.9.9"),
        ("10.0.0.1", "9.9.9.9", 3, "9.9.9.9"),
        ("10.0.0.1", "", 1, "10.0.0.1"),
        ("10.0.0.1", "nonsense", 1, "10.0.0.1"),
        ("2001:db8:1:2:3::4", "", 0, "2001:db8:1:2::/64"),
        ("::ffff:9.9.9.9", "", 0, "9.9.9.9"),
    ],
)
def test_client_addresses(peer: str, forwarded: str, hops: int, expected: str) -> None:
    assert client_address(peer, forwarded, hops) == expected
