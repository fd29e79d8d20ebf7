"""One JSON line for each event, with Cloud Logging's names."""

import contextvars
import json
import logging

import pytest
import structlog

from utils.logging import json_logging


def test_lines_name_the_service_wherever_they_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    with json_logging("INFO", "shop-images"):
        # A server handles each request in a context of its own.
        contextvars.Context().run(structlog.get_logger("pare").info, "image", bytes_in=7)
        logging.getLogger("library").warning("odd")
        logging.getLogger("library").info("too quiet")
    ours, theirs = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (ours["service"], ours["severity"], ours["message"], ours["bytes_in"]) == ("shop-images", "INFO", "image", 7)
    assert (theirs["service"], theirs["severity"], theirs["message"]) == ("shop-images", "WARNING", "odd")


@pytest.mark.parametrize(("project", "expected"), [("", "0af7"), ("shop", "projects/shop/traces/0af7")])
def test_lines_name_their_place_in_a_trace(capsys: pytest.CaptureFixture[str], project: str, expected: str) -> None:
    with json_logging("INFO", "pare", project):
        context = {"trace_id": "0af7", "span_id": "b7ad", "trace_sampled": True}
        contextvars.Context().run(structlog.get_logger("pare").info, "image", **context)
    line = json.loads(capsys.readouterr().out)
    assert {name: value for name, value in line.items() if name.startswith("logging.googleapis.com")} == {
        "logging.googleapis.com/trace": expected,
        "logging.googleapis.com/spanId": "b7ad",
        "logging.googleapis.com/trace_sampled": True,
    }
    assert not context.keys() & line.keys()


def test_libraries_do_not_tell_of_requests_at_any_level(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with json_logging("DEBUG", "pare"):
        contextvars.Context().run(structlog.get_logger("pare.engine").debug, "ours")
        logging.getLogger("httpx").info("HTTP Request: GET https://bucket/?signature=planted")
        logging.getLogger("httpcore.http11").debug("set-cookie: planted")
    assert [json.loads(line)["message"] for line in capsys.readouterr().out.splitlines()] == ["ours"]
