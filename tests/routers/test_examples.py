"""Every operation has a real example: it fits its schema, and its command works as it stands."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from config import Settings
from main import create_app
from tests.helpers import encode, photo

DOCUMENT: dict[str, Any] = json.loads(json.dumps(create_app(Settings()).openapi()))
OPERATIONS = [(method, path, op) for path, item in DOCUMENT["paths"].items() for method, op in item.items()]
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]
by_operation = pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)


def documents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything of an operation that is JSON, and where it stands."""
    places = {"request": operation.get("requestBody", {}), **operation["responses"]}
    for place, said in places.items():
        for kind, media in said.get("content", {}).items():
            if kind.partition("+")[2] == "json" or kind == "application/json":
                yield f"{place} {kind}", media


def values(media: dict[str, Any]) -> list[Any]:
    """The examples, one or several."""
    several = [example["value"] for example in media.get("examples", {}).values()]
    return [media["example"], *several] if "example" in media else several


@by_operation
def test_every_document_has_examples_that_fit(method: str, path: str, operation: dict[str, Any]) -> None:
    for place, media in documents(operation):
        assert values(media), f"{place} has no example: routers/examples.json"
        schema = {**media["schema"], "components": DOCUMENT["components"]}
        for value in values(media):
            assert [str(error) for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(value)] == [], place


@by_operation
def test_every_refusal_is_among_the_examples(method: str, path: str, operation: dict[str, Any]) -> None:
    for status, answer in operation["responses"].items():
        for kind, media in answer.get("content", {}).items():
            if kind != "application/problem+json":
                continue
            for code, example in media["examples"].items():
                said = example["value"]
                assert (str(said["status"]), said["code"], said["instance"]) == (status, code, path)


@by_operation
def test_every_parameter_of_a_path_has_an_example(method: str, path: str, operation: dict[str, Any]) -> None:
    named = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path" and p["example"]}
    assert named == {part.partition("}")[0].partition(":")[0] for part in path.split("{")[1:]}
    assert operation["summary"]


def source_of(operation: dict[str, Any]) -> str:
    """The operation's command."""
    source: str = operation["x-codeSamples"][0]["source"]
    return source


NEEDS_A_SETTING = {"post /v1/purge"}
ALONE = [
    (name, op)
    for name, (_, _, op) in zip(NAMES, OPERATIONS, strict=True)
    if "{" not in name
    and name not in NEEDS_A_SETTING
    and not any(foreign in source_of(op) for foreign in ("$", "https://"))
]
"""Needs neither an object that is there already nor a credential nor the world outside."""


@pytest.mark.parametrize("operation", [op for _, op in ALONE], ids=[name for name, _ in ALONE])
def test_every_command_works_as_it_stands(operation: dict[str, Any], service: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(encode(photo(), "JPEG"))
    here = source_of(operation).replace("http://localhost:8080", str(service.base_url).rstrip("/"))
    words = [*shlex.split(here), "-s", "--noproxy", "*", "-w", "%{stderr}%{http_code}"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr in operation["responses"] and done.stderr < "300", done.stdout


def test_the_commands_of_most_operations_were_tried() -> None:
    assert {"post /optimize", "post /estimate", "post /compress", "post /tickets"} <= {name for name, _ in ALONE}
    assert all(source_of(op).startswith("curl ") for _, _, op in OPERATIONS)
