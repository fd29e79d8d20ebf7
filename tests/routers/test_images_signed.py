"""Signed URLs of images: who gets in, for how long, and who is counted."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from config import Settings
from main import switched_off
from security.image_urls import signed_image_url
from tests.conftest import start_service
from tests.helpers import encode, photo

OLD, NEW = "old secret of thirty-two letters!", "new secret of thirty-two letters!"
QUERY = {"w": "30", "format": "auto"}


def started(folder: Path, **settings: str) -> Iterator[httpx.Client]:
    (folder / "a b.jpg").write_bytes(encode(photo(60, 40), "JPEG"))
    process, address = start_service(folder, ORIGIN_URL=f"file://{folder}", **settings)
    with ExitStack() as held:
        held.callback(process.wait, timeout=40)
        held.callback(process.terminate)
        yield held.enter_context(httpx.Client(base_url=address, timeout=60, trust_env=False))


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service that wants signatures and keys, and lets a stranger call twice a minute."""
    yield from started(
        tmp_path_factory.mktemp("signing"),
        SIGNING_KEY=f"2026:{NEW},{OLD}",
        API_KEY="k1",
        REQUIRE_AUTH="true",
        RATE_LIMIT_PUBLIC_RPM="2",
    )


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service without signatures, where a stranger may call three times a minute."""
    yield from started(tmp_path_factory.mktemp("limited"), RATE_LIMIT_PUBLIC_RPM="3")


def url(key: str = OLD, key_id: str = "", seconds: int | None = None) -> str:
    return signed_image_url("a b.jpg", QUERY, key, key_id, None if seconds is None else int(time.time()) + seconds)


@pytest.mark.parametrize("address", [url(), url(NEW), url(NEW, "2026"), url(seconds=600)], ids=range(4))
def test_a_signature_is_enough_and_is_not_counted(signing: httpx.Client, address: str) -> None:
    for _ in range(4):
        answer = signing.get(address)
        assert answer.status_code == 200 and "ratelimit" not in answer.headers
    assert signing.head(address).status_code == 200


@pytest.mark.parametrize(
    "address",
    [
        "/images/a%20b.jpg?w=30&format=auto",
        "/images/a%20b.jpg?w=0&format=auto",
        "/images/none.jpg?format=auto",
        url("another secret"),
        url(OLD, "2026"),
        url().replace("w=30", "w=31"),
        url().replace("a%20b", "a%20c"),
        url() + "&h=3",
        url() + "A",
        url(seconds=-1),
        url(seconds=600).replace("exp=1", "exp=2"),
    ],
    ids=range(11),
)
def test_everybody_else_is_refused(signing: httpx.Client, address: str) -> None:
    for headers in ({}, {"X-API-Key": "k1"}):
        answer = signing.get(address, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "signature_refused")
        assert answer.headers["cache-control"] == "no-store" and "Accept" in answer.headers["vary"]


def test_a_signed_query_is_no_less_strict(signing: httpx.Client) -> None:
    address = signed_image_url("a b.jpg", {"w": "0"}, OLD)
    assert (answer := signing.get(address)).status_code == 400 and answer.json()["errors"][0]["pointer"] == "/w"


def test_a_wrong_key_beside_a_right_signature_is_still_wrong(signing: httpx.Client) -> None:
    assert signing.get(url(), headers={"X-API-Key": "wrong"}).status_code == 401
    assert signing.get(url(), headers={"X-API-Key": "k1"}).status_code == 200


def test_nobody_keeps_it_for_longer_than_the_url_is_good_for(signing: httpx.Client) -> None:
    def max_age(query: dict[str, str], seconds: int) -> str:
        address = signed_image_url("a b.jpg", query, OLD, expires=int(time.time()) + seconds)
        return signing.get(address).headers["cache-control"]

    assert max_age({}, 100) in ("public, max-age=100", "public, max-age=99")
    assert max_age({"v": "1"}, 7200) in ("public, max-age=7200", "public, max-age=7199")
    assert max_age({}, 7200).startswith("public, max-age=3600, stale-while-revalidate")


def test_without_signatures_calls_are_counted(limited: httpx.Client) -> None:
    answers = [limited.get("/images/a%20b.jpg?w=30&format=auto") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["x-ratelimit-remaining"] == "2"
    assert "retry-after" in answers[3].headers and "Accept" in answers[3].headers["vary"]


def test_a_start_says_what_is_open() -> None:
    def said(**settings: str) -> str:
        return "\n".join(switched_off(Settings(_env_file=None, **settings)))  # type: ignore[call-arg, arg-type]

    assert "ORIGIN_URL is empty" in said() and "SIGNING_KEY" not in said()
    assert "SIGNING_KEY is empty" in said(origin_url="file:///photos")
    assert "SIGNING_KEY" not in said(origin_url="file:///photos", signing_key=OLD)
    assert "SIGNING_KEY" in said(origin_url="file:///photos", signing_key="short") and "short\n" not in said()


def test_where_keys_are_required_an_unsigned_url_needs_one(tmp_path: Path) -> None:
    for client in started(tmp_path, API_KEY="k1", REQUIRE_AUTH="true"):
        refused = client.get("/images/a%20b.jpg")
        assert refused.status_code == 401 and "www-authenticate" in refused.headers
        assert client.get("/images/a%20b.jpg", headers={"Authorization": "Bearer k1"}).status_code == 200
