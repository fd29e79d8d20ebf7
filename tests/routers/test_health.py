"""What operators are told."""

import httpx

from optimizers.router import FORMATS


def test_health_names_every_tool_and_format(service: httpx.Client) -> None:
    body = service.get("/health").json()
    assert body["status"] == "ok"
    assert set(body["formats"]) == {o.spec.name for o in FORMATS}
    for tool in {tool for o in FORMATS for tool in o.spec.tools}:
        assert body["tools"][tool]["self_test"] is True, tool
        assert body["tools"][tool]["version"], tool


def test_live_and_ready(service: httpx.Client) -> None:
    assert service.get("/health/live").status_code == 200
    assert service.get("/health/ready").json() == {"status": "ok"}


def test_openapi_describes_optimize(service: httpx.Client) -> None:
    document = service.get("/openapi.json").json()
    operation = document["paths"]["/optimize"]["post"]
    assert "multipart/form-data" in operation["requestBody"]["content"]
    assert "413" in operation["responses"]
