"""Tinify's routes over plain HTTP: what its clients do not show."""

import httpx
import pytest

from tests.conftest import start_service
from tests.helpers import decode, encode, graphic, photo

LOGO = encode(graphic(alpha=True), "PNG")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and word, of an answer that has Tinify's shape."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store" and "x-request-id" in answer.headers
    body = answer.json()
    assert set(body) == {"error", "message"} and body["message"]
    return answer.status_code, body["error"]


def shrink(service: httpx.Client, data: bytes = LOGO) -> str:
    """Where the result waits."""
    answer = service.post("/shrink", content=data, headers=FORM)  # as curl --data-binary says
    assert answer.status_code == 201, answer.text
    location: str = answer.headers["location"]
    return location


def test_what_is_told_of_a_result(service: httpx.Client) -> None:
    answer = service.post("/shrink", content=LOGO, auth=("api", "any key will do"))
    assert answer.status_code == 201 and int(answer.headers["compression-count"]) >= 1
    told, place = answer.json(), answer.headers["location"]
    made = service.get(place)
    assert place.startswith("/output/") and len(place) >= len("/output/") + 32
    assert told["input"] == {"size": len(LOGO), "type": "image/png"}
    size = len(made.content)
    ratio = round(size / len(LOGO), 4)
    assert told["output"] == {
        "size": size, "type": "image/png", "width": 160, "height": 120, "ratio": ratio, "url": place
    }  # fmt: skip
    assert made.headers["content-type"] == "image/png"
    assert (made.headers["image-width"], made.headers["image-height"]) == ("160", "120")
    assert made.headers["compression-count"] == answer.headers["compression-count"]


def test_one_source_many_results(service: httpx.Client) -> None:
    place = shrink(service)
    before = service.get(place)
    small = service.post(place, json={"resize": {"method": "scale", "width": 40}})
    assert decode(small.content).size == (40, 30)
    assert decode(service.post(place, json={"resize": {"method": "scale", "width": 80}}).content).size == (80, 60)
    count = [int(answer.headers["compression-count"]) for answer in (before, small)]
    assert count[1] == count[0] + 1
    assert service.get(place).content == service.post(place).content == before.content


def test_commands_start_from_what_was_sent(service: httpx.Client) -> None:
    sent = encode(photo(), "PNG")
    again = service.post(shrink(service, sent), json={"convert": {"type": "image/webp"}})
    direct = service.post("/optimize?format=webp&metadata=none", content=sent)
    assert again.content == direct.content


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/webp", "image/avif", "image/gif"])
def test_every_type_can_be_asked_for(service: httpx.Client, kind: str) -> None:
    answer = service.post(shrink(service), json={"convert": {"type": kind}})
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


@pytest.mark.parametrize(
    ("commands", "pointer"),
    [
        ({"resize": {"width": 10}}, "/resize/method"),
        ({"resize": {"method": "fit", "width": 10}}, "/resize"),
        ({"resize": {"method": "scale", "width": 0}}, "/resize/width"),
        ({"resize": {"method": "scale", "width": 10**9}}, "/resize/width"),
        ({"resize": {"method": "scale", "width": True}}, "/resize/width"),
        ({"convert": {"type": "image/tiff"}}, "/convert/type"),
        ({"convert": {"type": []}}, "/convert/type"),
        ({"transform": {"background": "red"}}, "/transform/background"),
        ({"preserve": ["everything"]}, "/preserve/0"),
        ({"crop": {}}, "/crop"),
        ([], "options"),
    ],
)
def test_wrong_commands_are_named(service: httpx.Client, commands: object, pointer: str) -> None:
    answer = service.post(shrink(service), json=commands)
    assert refusal(answer) == (400, "InvalidOptions")
    assert answer.json()["message"].startswith(pointer)


def test_refusals_have_tinifys_shape(service: httpx.Client) -> None:
    assert refusal(service.post("/shrink")) == (400, "BadRequest")
    assert refusal(service.post("/shrink", json={"source": {}})) == (400, "InvalidOptions")
    assert refusal(service.post("/shrink", json={"source": {"url": "http://10.0.0.1/"}})) == (422, "UrlRefused")
    assert refusal(service.post("/shrink", content=b"text")) == (415, "Unsupported media type")
    assert refusal(service.post("/shrink", content=bytes((32 << 20) + 1))) == (413, "PayloadTooLarge")
    assert refusal(service.get("/output/none")) == (404, "ObjectMissing")
    assert refusal(service.post("/output/none", content=b"{")) == (404, "ObjectMissing")
    assert refusal(service.get("/output")) == (404, "NotFound")
    wrong = service.delete("/output/none")
    assert refusal(wrong) == (405, "MethodNotAllowed")
    assert wrong.headers["allow"] == "GET, POST"
    assert service.get("/outputs").headers["content-type"] == "application/problem+json"


def test_a_drawing_stays_harmless(service: httpx.Client) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='4' height='4'><script>1</script><path d='M0 0h4v4z'/></svg>"
    made = service.get(shrink(service, svg))
    assert b"script" not in made.content and "sandbox" in made.headers["content-security-policy"]
    assert refusal(service.post(shrink(service, svg), json={"resize": {"method": "scale", "width": 2}})) == (
        400, "InvalidOptions"
    )  # fmt: skip


def test_with_keys_every_route_needs_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    process, address = start_service(tmp_path_factory.mktemp("keyed"), API_KEY="k1,k2")
    try:
        with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
            place = client.post("/shrink", content=LOGO, auth=("api", "k1")).headers["location"]
            for answer in (client.post("/shrink", content=LOGO), client.get(place), client.post(place, json={})):
                assert refusal(answer) == (401, "Unauthorized")
                assert "www-authenticate" in answer.headers
            assert refusal(client.get(place, auth=("api", "k3"))) == (401, "Unauthorized")
            assert client.get(place, auth=("api", "k2")).headers["compression-count"] == "0"
            assert client.post("/optimize", content=LOGO).status_code == 200
    finally:
        process.terminate()
        process.wait(timeout=40)
