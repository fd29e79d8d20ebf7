"""POST /optimize as clients use it: over HTTP, against the running service."""

import base64
import hashlib
import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from optimizers.samples import still
from tests.helpers import decode, difference, encode, graphic, photo

PNG = encode(graphic(), "PNG")
JPEG = encode(photo(), "JPEG", quality=95)


def send_form(service: httpx.Client, data: bytes, name: str = "a.png", **options: object) -> httpx.Response:
    return service.post("/optimize", files={"file": (name, data)}, data={"options": json.dumps(options)})


@pytest.mark.parametrize("data", [PNG, JPEG], ids=["png", "jpeg"])
def test_form_and_raw_body_give_the_same_bytes(service: httpx.Client, data: bytes) -> None:
    form = send_form(service, data, optimization={"quality": 70})
    raw = service.post("/optimize?quality=70", content=data)
    assert form.status_code == raw.status_code == 200
    assert form.content == raw.content
    assert len(form.content) < len(data)
    assert difference(decode(data), decode(form.content)) < 8


def test_headers_tell_the_facts(service: httpx.Client) -> None:
    jpeg = encode(photo(161, 120), "JPEG", quality=96)  # which no other test sends: a known result takes no time
    answer = service.post("/optimize", content=jpeg)
    headers = answer.headers
    assert headers["content-type"] == "image/jpeg"
    assert int(headers["x-original-size"]) == len(jpeg)
    assert int(headers["x-optimized-size"]) == len(answer.content)
    assert float(headers["x-reduction-percent"]) == round(100 * (1 - len(answer.content) / len(jpeg)), 2)
    assert (headers["x-original-format"], headers["x-optimized-format"]) == ("jpeg", "jpeg")
    assert headers["x-optimization-reason"] == "optimized"
    assert headers["x-quality-used"] == "80"
    assert (headers["image-width"], headers["image-height"]) == ("161", "120")
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert headers["content-digest"] == f"sha-256=:{digest}:"
    assert "encode;dur=" in headers["server-timing"]
    assert headers["x-content-type-options"] == "nosniff"


def test_browsers_may_read_the_headers(service: httpx.Client) -> None:
    answer = service.post("/optimize", content=PNG, headers={"Origin": "https://shop.example"})
    assert "X-Reduction-Percent" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Müller & Söhne.PNG", "Müller & Söhne.PNG".replace("PNG", "png")),
        ("../../etc/passwd", "passwd.png"),
        ('a"b\r\nX: y.jpg', "abX: y.png"),
    ],
)
def test_file_names_are_sensible(service: httpx.Client, given: str, expected: str) -> None:
    disposition = send_form(service, PNG, given).headers["content-disposition"]
    name = httpx.URL("http://x/?n=" + disposition.rsplit("''", 1)[1]).params["n"]
    # The client may percent-encode what a header cannot carry, so only the safe parts are compared.
    assert name.endswith(".png")
    assert "/" not in name and '"' not in name
    assert not given.isprintable() or name == expected


def test_receipt(service: httpx.Client) -> None:
    answer = service.post("/optimize", content=PNG, headers={"Accept": "application/json"})
    receipt = answer.json()
    assert answer.headers["vary"].startswith("Accept")
    assert receipt["optimized_size"] < receipt["original_size"] == len(PNG)
    assert receipt["image"].startswith("data:image/png;base64,")
    assert [c["verdict"] for c in receipt["candidates"]].count("won") == 1


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["request_id"] == answer.headers["x-request-id"]
    assert {"type", "title", "status", "detail", "instance", "code"} <= body.keys()
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("quality=0", "/quality"),
        ("quality=101", "/quality"),
        ("quality=many", "/quality"),
        ("quality=NaN", "/quality"),
        ("colour=1", "/colour"),
        ("metadata=some", "/metadata"),
        ("effort=heroic", "/effort"),
        ("lossless=perhaps", "/lossless"),
        ("format=bogus", "/format"),
        ("quality=1&quality=2", "/quality"),
    ],
)
def test_wrong_query_options_are_named(service: httpx.Client, query: str, pointer: str) -> None:
    answer = service.post(f"/optimize?{query}", content=PNG)
    assert problem(answer) == (400, "invalid_options")
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"optimization": {"quality": True}}, "/optimization/quality"),
        ({"optimization": {"quality": [80]}}, "/optimization/quality"),
        ({"optimization": {"quality": "80"}}, "/optimization/quality"),
        ({"optimization": {"quality": 79.5}}, "/optimization/quality"),
        ({"optimization": {"lossless": 1}}, "/optimization/lossless"),
        ({"quality": 80}, "/quality"),
        ({"optimization": None}, "/optimization"),
    ],
)
def test_wrong_form_options_are_named(service: httpx.Client, options: object, pointer: str) -> None:
    answer = service.post("/optimize", files={"file": PNG}, data={"options": json.dumps(options)})
    assert problem(answer) == (400, "invalid_options")
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_json_knows_one_kind_of_number(service: httpx.Client) -> None:
    answer = send_form(service, JPEG, optimization={"quality": 70.0})
    assert (answer.status_code, answer.headers["x-quality-used"]) == (200, "70")


UNREADABLE = ["", "{", "[" * 10_000, '{"optimization":{"quality":1e400}}', "\ud800".encode("utf-8", "surrogatepass")]


@pytest.mark.parametrize("options", UNREADABLE, ids=range(5))
def test_unreadable_options_are_refused(service: httpx.Client, options: str | bytes) -> None:
    answer = service.post("/optimize", files={"file": PNG, "options": (None, options)})
    assert problem(answer)[0] == 400


def forms() -> Iterator[dict[str, object]]:
    yield {"files": {"picture": PNG}}
    yield {"files": [("file", PNG), ("file", PNG)]}
    yield {"data": {"file": "not a file"}, "files": {"file2": b""}}
    yield {"content": b"--x\r\nbroken", "headers": {"content-type": "multipart/form-data; boundary=x"}}
    yield {"content": b"abc", "headers": {"content-type": "multipart/form-data"}}
    yield {"files": {"file": b""}}
    yield {"content": b""}


@pytest.mark.parametrize("request_parts", list(forms()), ids=str)
def test_malformed_requests(service: httpx.Client, request_parts: dict[str, object]) -> None:
    assert problem(service.post("/optimize", **request_parts))[0] == 400  # type: ignore[arg-type]


def test_not_an_image(service: httpx.Client) -> None:
    assert problem(service.post("/optimize", content=b"hello, world")) == (415, "unknown_format")


def test_a_broken_image(service: httpx.Client) -> None:
    assert problem(service.post("/optimize", content=JPEG[:500])) == (422, "undecodable_image")


def test_too_many_bytes_are_refused_by_length_and_by_count(service: httpx.Client) -> None:
    size = 33 << 20
    declared = service.post("/optimize", content=bytes(size))
    chunked = service.post("/optimize", content=iter([bytes(1 << 20)] * 33))
    form = service.post("/optimize", files={"file": bytes(size)})
    for answer in (declared, chunked, form):
        assert problem(answer) == (413, "payload_too_large")
        assert answer.json()["limit"] == 32 << 20 < answer.json()["actual"]


def test_framework_errors_have_the_same_shape(service: httpx.Client) -> None:
    assert problem(service.get("/nowhere")) == (404, "not_found")
    assert problem(service.get("/optimize")) == (405, "method_not_allowed")


def test_a_wrong_content_type_changes_nothing(service: httpx.Client) -> None:
    answer = service.post("/optimize", content=PNG, headers={"Content-Type": "image/jpeg"})
    assert answer.headers["content-type"] == "image/png"


@pytest.mark.parametrize(("given", "taken"), [("abc-1.2_3", True), ("x" * 129, False), ("a b", False)])
def test_request_ids(service: httpx.Client, given: str, taken: bool) -> None:
    answer = service.get("/health/live", headers={"X-Request-ID": given})
    assert (answer.headers["x-request-id"] == given) is taken


def test_error_types_resolve(service: httpx.Client) -> None:
    catalogue = service.get("/errors").text
    for answer in (service.get("/nowhere"), service.get("/optimize"), service.post("/optimize", content=b"?")):
        page, _, code = answer.json()["type"].partition("#")
        assert page == "/errors" and f"id={code}>" in catalogue


def test_a_file_name_that_no_text_can_hold(service: httpx.Client) -> None:
    body = b'--B\r\nContent-Disposition: form-data; name="file"; filename="\\ud800.gif"\r\n\r\n%s\r\n--B--\r\n' % still(
        "GIF"
    )
    kind = "multipart/form-data; boundary=B; charset=raw_unicode_escape"
    answer = service.post("/optimize", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith('inline; filename="_.gif"')


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
def test_an_offered_upgrade_costs_no_body(service: httpx.Client, protocol: str) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": protocol}
    assert service.post("/optimize", content=still("GIF"), headers=headers).status_code == 200


def test_request_headers_are_bounded(service: httpx.Client) -> None:
    with socket.create_connection((service.base_url.host, service.base_url.port), timeout=20) as line:
        line.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 12_000)
        assert line.recv(12) == b"HTTP/1.1 400"
