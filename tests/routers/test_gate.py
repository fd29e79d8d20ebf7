"""Keys and limits over HTTP."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import start_service
from tests.helpers import encode, photo

IMAGE = encode(photo(32, 32), "JPEG")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service with two keys, three public calls a minute and one trusted proxy."""
    process, address = start_service(
        tmp_path_factory.mktemp("guarded"), API_KEY="one,two", RATE_LIMIT_PUBLIC_RPM="3", TRUSTED_PROXY_HOPS="1"
    )
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client
    process.terminate()
    assert process.wait(timeout=40) == 0


def send(client: httpx.Client, address: str, **headers: str) -> httpx.Response:
    return client.post("/optimize", content=IMAGE, headers={"X-Forwarded-For": address, **headers})


def test_public_callers_are_counted_by_address(guarded: httpx.Client) -> None:
    answers = [send(guarded, "198.51.100.7") for _ in range(5)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    assert [a.headers["x-ratelimit-remaining"] for a in answers] == ["2", "1", "0", "0", "0"]
    refused = answers[-1]
    assert refused.json()["code"] == "rate_limited"
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-policy"] == '"minute";q=3;w=60'
    assert refused.headers["ratelimit"].startswith('"minute";r=0;t=')
    assert send(guarded, "198.51.100.8").status_code == 200


def test_what_a_client_says_of_itself_counts_for_nothing(guarded: httpx.Client) -> None:
    lines = [[("X-Forwarded-For", f"203.0.113.{n}"), ("X-Forwarded-For", "198.51.100.11")] for n in range(4)]
    answers = [guarded.post("/optimize", content=IMAGE, headers=headers) for headers in lines]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]


def test_without_trusted_proxies_not_even_loopback_speaks_for_others(tmp_path: Path) -> None:
    process, address = start_service(tmp_path, RATE_LIMIT_PUBLIC_RPM="1")
    try:
        with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
            assert [send(client, f"203.0.113.{n}").status_code for n in range(2)] == [200, 429]
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0


def test_callers_with_a_key_are_not(guarded: httpx.Client) -> None:
    answers = [send(guarded, "198.51.100.9", **{"X-API-Key": "two"}) for _ in range(5)]
    assert {a.status_code for a in answers} == {200}
    assert "ratelimit" not in answers[0].headers


def test_a_wrong_key(guarded: httpx.Client) -> None:
    answer = send(guarded, "198.51.100.10", Authorization="Bearer three")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "unauthorized"


def test_guessing_keys_is_counted_by_address(guarded: httpx.Client) -> None:
    answers = [send(guarded, "198.51.100.12", **{"X-API-Key": f"guess {n}"}) for n in range(5)]
    assert [a.status_code for a in answers] == [401, 401, 401, 429, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert send(guarded, "198.51.100.12").status_code == 429, "one account with the address's public calls"
    assert send(guarded, "198.51.100.12", **{"X-API-Key": "one"}).status_code == 200


def test_health_is_not_limited(guarded: httpx.Client) -> None:
    assert {guarded.get("/health/live").status_code for _ in range(10)} == {200}
