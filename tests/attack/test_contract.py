"""Every operation of the OpenAPI document, asked for what it says and for what it does not, answers as it says."""

import os
import time

import httpx

from benchmarks.contract import check_contract
from security.jwt import Tokens
from tests.conftest import TOKEN_SECRET

EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "60"))
"""Random requests for each operation; more for a longer look."""


def test_the_service_is_what_its_document_says(service: httpx.Client) -> None:
    token = Tokens(TOKEN_SECRET).issue("fuzz", int(time.time()) + 3600)
    found = check_contract(str(service.base_url).rstrip("/"), EXAMPLES, token)
    assert not found.report, found.report
    assert found.requests > EXAMPLES


def test_every_operation_names_its_refusals(service: httpx.Client) -> None:
    document = service.get("/openapi.json").json()
    problem = {"application/problem+json": "#/components/schemas/Problem"}
    tinify = {"application/json": "#/components/schemas/TinifyProblem"}
    for path, operation in ((p, item["post"]) for p, item in document["paths"].items() if "post" in item):
        refusals = {
            status: {kind: media["schema"]["$ref"] for kind, media in answer["content"].items()}
            for status, answer in operation["responses"].items()
            if status >= "400"
        }
        expected = {"400", "401", "413", "429", "503"} if "requestBody" in operation else {"401", "429", "503"}
        assert expected <= set(refusals), path
        shape = tinify if operation["tags"] == ["tinify"] else problem
        assert all(content == shape for content in refusals.values()), path


def test_the_document_names_everything_that_it_refers_to(service: httpx.Client) -> None:
    text = service.get("/openapi.json").text
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(service.get("/openapi.json").json()["components"]["schemas"])
