"""Upload tickets over HTTP: what a browser can do with one, and what it cannot."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.conftest import start_service
from tests.helpers import encode, graphic, photo

JPEG = encode(photo(), "JPEG", quality=95)
PNG = encode(graphic(), "PNG")
KEY = {"X-API-Key": "k1"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service that nobody may call without a key."""
    process, address = start_service(tmp_path_factory.mktemp("tickets"), API_KEY="k1,k2", REQUIRE_AUTH="true")
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client
    process.terminate()
    assert process.wait(timeout=40) == 0


def mint(service: httpx.Client, **terms: object) -> dict[str, str]:
    answer = service.post("/tickets", json=terms, headers=KEY)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_one_image_without_a_key(guarded: httpx.Client) -> None:
    assert guarded.post("/optimize", content=JPEG).status_code == 401
    answer = guarded.post("/tickets", json={}, headers=KEY)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    given = answer.json()
    assert given["url"] == f"/optimize?ticket={given['ticket']}"
    left = datetime.fromisoformat(given["expires_at"]).timestamp() - datetime.now().timestamp()
    assert 290 < left <= 300
    first = guarded.post(given["url"], content=JPEG)
    assert (first.status_code, first.headers["content-type"]) == (200, "image/jpeg")
    again = guarded.post(given["url"], content=JPEG)
    assert (again.status_code, again.json()["code"]) == (410, "ticket_gone")


@pytest.mark.parametrize("shape", ["raw", "form", "header"])
def test_each_way_of_sending(guarded: httpx.Client, shape: str) -> None:
    given = mint(guarded)
    if shape == "form":
        options = {"options": json.dumps({"optimization": {"quality": 50}})}
        answer = guarded.post(given["url"], files={"file": JPEG}, data=options)
    elif shape == "raw":
        answer = guarded.post(f"/optimize?quality=50&ticket={given['ticket']}", content=JPEG)
    else:
        answer = guarded.post(
            "/optimize?quality=50", content=JPEG, headers={"Authorization": f"Ticket {given['ticket']}"}
        )
    assert (answer.status_code, answer.headers["x-quality-used"]) == (200, "50")


def test_the_tickets_options_win(guarded: httpx.Client) -> None:
    given = mint(guarded, optimization={"quality": 40})
    answer = guarded.post(f"{given['url']}&quality=90&effort=fast", content=JPEG)
    assert answer.headers["x-quality-used"] == "40"


def test_its_limits_hold_and_what_they_refuse_is_no_use(guarded: httpx.Client) -> None:
    given = mint(guarded, max_bytes=len(JPEG), formats=["jpg"])
    large = guarded.post(given["url"], content=JPEG + bytes(1))
    assert (large.status_code, large.json()["limit"]) == (413, len(JPEG))
    form = guarded.post(given["url"], files={"file": JPEG + bytes(1)})
    assert form.status_code == 413
    other = guarded.post(given["url"], content=PNG[: len(JPEG)])
    assert (other.status_code, other.json()["code"]) == (415, "format_refused")
    assert guarded.post(given["url"], content=b"").status_code == 400
    assert guarded.post(given["url"], content=JPEG).status_code == 200


def test_several_uses(guarded: httpx.Client) -> None:
    given = mint(guarded, uses=2)
    assert [guarded.post(given["url"], content=JPEG).status_code for _ in range(3)] == [200, 200, 410]


@pytest.mark.parametrize("token", ["planted", "a.b", ""])
def test_a_wrong_ticket(guarded: httpx.Client, token: str) -> None:
    for answer in (
        guarded.post(f"/optimize?ticket={token}", content=JPEG),
        guarded.post("/optimize", content=JPEG, headers={"Authorization": f"Ticket {token}".strip()}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"]


def test_it_opens_no_other_door(guarded: httpx.Client) -> None:
    headers = {"Authorization": f"Ticket {mint(guarded)['ticket']}"}
    assert guarded.post("/compress", content=JPEG, headers=headers).status_code == 401
    assert guarded.post("/tickets", json={}, headers=headers).status_code == 401
    stored = guarded.post("/optimize", files={"file": JPEG}, data={"options": '{"storage": {}}'}, headers=headers)
    assert stored.status_code == 401


def test_only_callers_with_a_key_make_tickets(guarded: httpx.Client) -> None:
    assert guarded.post("/tickets", json={}).status_code == 401
    assert guarded.post("/tickets", json={}, headers={"X-API-Key": "wrong"}).status_code == 401


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ({"uses": 0}, "/uses"),
        ({"expires_in": 100_000}, "/expires_in"),
        ({"max_bytes": -1}, "/max_bytes"),
        ({"formats": ["pdf"]}, "/formats"),
        ({"formats": []}, "/formats"),
        ({"optimization": {"quality": 200}}, "/optimization/quality"),
        ({"storage": {}}, "/storage"),
    ],
)
def test_wrong_terms(guarded: httpx.Client, terms: dict[str, object], pointer: str) -> None:
    answer = guarded.post("/tickets", json=terms, headers=KEY)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, pointer)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null"])
def test_no_terms(guarded: httpx.Client, body: bytes) -> None:
    answer = guarded.post("/tickets", content=body, headers=KEY | {"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_options")


def test_browsers_may(guarded: httpx.Client) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    allowed = guarded.options("/optimize", headers=asked | {"Access-Control-Request-Headers": "authorization"})
    assert allowed.status_code == 200
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
    refused = guarded.post("/optimize?ticket=x", content=JPEG, headers={"Origin": "https://shop.example"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")


def test_a_service_without_keys_says_what_it_lacks(tmp_path: Path) -> None:
    process, address = start_service(tmp_path)
    answer = httpx.post(f"{address}/tickets", json={}, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "TICKET_SECRET" in answer.json()["detail"]
    process.terminate()
    assert process.wait(timeout=40) == 0


def test_an_open_service_with_a_secret_makes_them_for_all(service: httpx.Client) -> None:
    given = service.post("/tickets", json={"uses": 1}).json()
    assert [service.post(given["url"], content=JPEG).status_code for _ in range(2)] == [200, 410]


def test_no_ticket_is_logged(tmp_path: Path) -> None:
    process, address = start_service(tmp_path, TICKET_SECRET="s" * 32, LOG_LEVEL="DEBUG")
    with httpx.Client(base_url=address, trust_env=False) as client:
        given = client.post("/tickets", json={}).json()
        answers = [client.post(given["url"], content=JPEG) for _ in range(2)]
        answers.append(client.post(f"/compress?ticket={given['ticket']}", content=b""))
    process.terminate()
    assert process.wait(timeout=40) == 0
    assert [answer.status_code for answer in answers] == [200, 410, 400]
    said = (tmp_path / "service.log").read_text() + "".join(f"{a.text} {a.headers}" for a in answers[1:])
    assert given["ticket"] not in said and given["ticket"].partition(".")[2] not in said
