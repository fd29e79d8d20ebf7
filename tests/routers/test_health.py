"""What operators are told."""

from pathlib import Path

import httpx

from optimizers.router import FORMATS
from tests.conftest import free_port, start_service

STATE_NO_VERSION = {"cjpegli"}


def test_health_names_every_tool_and_format(service: httpx.Client) -> None:
    body = service.get("/health").json()
    assert body["status"] == "ok"
    assert body["checks"] == {"redis": "not configured"}
    assert set(body["formats"]) == {o.spec.name for o in FORMATS}
    for tool in {tool for o in FORMATS for tool in o.spec.tools}:
        assert body["tools"][tool]["self_test"] is True, tool
        assert body["tools"][tool]["version"] or tool in STATE_NO_VERSION, tool


def test_a_redis_that_is_down_is_said(tmp_path: Path) -> None:
    process, address = start_service(tmp_path, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    try:
        body = httpx.get(f"{address}/health", trust_env=False).json()
        assert (body["status"], body["checks"]) == ("degraded", {"redis": "down"})
        assert httpx.get(f"{address}/health/ready", trust_env=False).status_code == 200
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0


def test_live_and_ready(service: httpx.Client) -> None:
    assert service.get("/health/live").status_code == 200
    assert service.get("/health/ready").json() == {"status": "ok"}


def test_openapi_describes_optimize(service: httpx.Client) -> None:
    document = service.get("/openapi.json").json()
    operation = document["paths"]["/optimize"]["post"]
    assert "multipart/form-data" in operation["requestBody"]["content"]
    assert "413" in operation["responses"]
