"""What passes for a sound answer under attack, and what is found of one that is not."""

import httpx
import pytest

from benchmarks.judge import Tally, fault_of
from benchmarks.wire import parsed, post

DOCUMENT = {"type": "t", "title": "t", "status": 503, "detail": "d", "instance": "/", "code": "busy", "request_id": "1"}
KIND = {"content-type": "application/problem+json"}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (httpx.Response(200, content=b"x"), ""),
        (httpx.Response(503, json=DOCUMENT, headers={**KIND, "retry-after": "2"}), ""),
        (httpx.Response(503, json=DOCUMENT, headers=KIND), "503 without Retry-After"),
        (httpx.Response(400, json=DOCUMENT, headers=KIND), "400 calls itself 503"),
        (httpx.Response(400, json={}), "400 is no problem document"),
        (httpx.Response(415, json={"code": "x"}, headers=KIND), "415 without detail"),
        (httpx.Response(500, json=DOCUMENT, headers=KIND), "answered 500"),
    ],
)
def test_faults_are_named(answer: httpx.Response, fault: str) -> None:
    assert fault_of(answer).startswith(fault)
    assert bool(fault_of(answer)) == bool(fault)


def test_a_tally_counts_inputs_and_keeps_what_was_wrong() -> None:
    tally = Tally("area")
    tally.note("a", "")
    tally.note("b", "", "bad")
    assert (tally.inputs, tally.failures) == (2, ["b: bad"])


def test_an_answer_is_read_off_the_wire() -> None:
    answer = parsed(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n\r\nbody")
    assert answer is not None
    assert (answer.status_code, answer.headers["retry-after"], answer.content) == (503, "2", b"body")
    assert parsed(b"") is None
    assert parsed(b"HTTP/1.1 200") is None
    assert post(b"xy").endswith(b"Content-Length: 2\r\n\r\nxy")
