"""The whole way: a folder through a service of our own, judged."""

import json
from pathlib import Path

import httpx
import pytest

from benchmarks import __main__, corpus, service
from benchmarks.service import Answer
from tests.helpers import encode, graphic, photo


def test_a_folder_is_sent_and_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "photo.png").write_bytes(encode(photo(), "PNG"))
    (folder / "graphic.gif").write_bytes(encode(graphic(), "GIF"))
    out = tmp_path / "out.json"
    assert __main__.main(["corpus", str(folder), "--beside", "--verbose", "--jobs", "1", "--json", str(out)]) == 0
    text = capsys.readouterr().out
    assert "pngquant 65-80 s3 + oxipng 2" in text and "Reasons:" in text
    assert {row["status"] for row in json.loads(out.read_text())["files"]} == {200}


def test_a_broken_file_makes_the_run_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.png").write_bytes(encode(photo(), "PNG")[:200])
    assert corpus.main([str(tmp_path), "--no-score", "--jobs", "1"]) == 1
    assert "**cut.png**: answered 422: undecodable_image" in capsys.readouterr().out


def test_the_benchmark_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["everything"]) == 2
    assert ",corpus," in capsys.readouterr().out


def test_a_busy_service_is_asked_again() -> None:
    replies = [httpx.Response(503, headers={"Retry-After": "0"}), httpx.Response(200, content=b"smaller")]
    with httpx.Client(transport=httpx.MockTransport(lambda request: replies.pop(0))) as client:
        answer = service.Service("http://pare.test").optimize(client, b"image")
    assert (answer.status, answer.data) == (200, b"smaller")


def test_a_refusal_is_a_line_whatever_its_body_is() -> None:
    problem = json.dumps({"code": "busy", "detail": "later"}).encode()
    assert Answer(503, problem, {}, 0.0).refusal == "busy: later"
    assert Answer(502, b"<html>", {}, 0.0).refusal == "<html>"
