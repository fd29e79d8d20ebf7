"""What operators are told."""

from pathlib import Path

import httpx
import pytest

from config import Settings
from main import create_app
from optimizers.router import FORMATS
from tests.conftest import free_port, start_service
from tests.helpers import encode, photo
from utils.sandbox import Confinement
from utils.subprocess_runner import CONFINED, Launcher

STATE_NO_VERSION = {"cjpegli"}


def test_health_names_every_tool_and_format(service: httpx.Client) -> None:
    body = service.get("/health").json()
    assert body["status"] == "ok"
    assert body["checks"] == {"redis": "not configured", "storage": "up", "database": "up"}
    assert set(body["formats"]) == {o.spec.name for o in FORMATS}
    for tool in {tool for o in FORMATS for tool in o.spec.tools}:
        assert body["tools"][tool]["self_test"] is True, tool
        assert body["tools"][tool]["version"] or tool in STATE_NO_VERSION, tool


def test_a_redis_that_is_down_is_said(tmp_path: Path) -> None:
    process, address = start_service(tmp_path, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    try:
        body = httpx.get(f"{address}/health", trust_env=False).json()
        assert (body["status"], body["checks"]["redis"]) == ("degraded", "down")
        assert httpx.get(f"{address}/health/ready", trust_env=False).status_code == 200
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0


def test_isolation_is_what_programs_are_born_with(service: httpx.Client) -> None:
    here = CONFINED.confinement
    network = "denied" if here.no_network else "open"
    expected = {"rlimits": True, "landlock": here.landlock, "network": network}
    assert service.get("/health").json()["isolation"] == expected


async def test_a_kernel_without_isolation_is_said_and_costs_nothing_else(tmp_path: Path) -> None:
    launcher = Launcher(lambda: Confinement(landlock=0, no_network=False))
    app = create_app(Settings(data_dir=tmp_path), launcher=launcher)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        body = (await client.get("/health")).json()
        assert body["isolation"] == {"rlimits": True, "landlock": 0, "network": "open"}
        assert body["status"] == "ok"
        assert (await client.post("/optimize", content=encode(photo(), "JPEG"))).status_code == 200


def test_live_and_ready(service: httpx.Client) -> None:
    assert service.get("/health/live").status_code == 200
    assert service.get("/health/ready").json() == {"status": "ok"}


def test_without_a_working_program_it_is_not_ready(tmp_path: Path) -> None:
    process, address = start_service(tmp_path, PATH="/nowhere", TOOLS_DIR="/nowhere")
    try:
        answer = httpx.get(f"{address}/health/ready", trust_env=False)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/metrics"])
def test_head_is_get_without_a_body(service: httpx.Client, path: str) -> None:
    got, head = service.get(path), service.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


def test_openapi_describes_optimize(service: httpx.Client) -> None:
    document = service.get("/openapi.json").json()
    operation = document["paths"]["/optimize"]["post"]
    assert "multipart/form-data" in operation["requestBody"]["content"]
    assert "413" in operation["responses"]


def test_a_store_that_is_down_is_said(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    process, address = start_service(tmp_path, STORAGE_URL="s3://photos", S3_ENDPOINT_URL=nobody, **keys)
    try:
        body = httpx.get(f"{address}/health", trust_env=False).json()
        assert (body["status"], body["checks"]["storage"]) == ("degraded", "down")
    finally:
        process.terminate()
        process.wait(timeout=40)


def test_a_database_that_is_down_is_said(tmp_path: Path) -> None:
    process, address = start_service(tmp_path, DATABASE_URL=f"postgresql://pare:hush@127.0.0.1:{free_port()}/pare")
    try:
        body = httpx.get(f"{address}/health", trust_env=False).json()
        assert (body["status"], body["checks"]["database"]) == ("degraded", "down")
        answer = httpx.get(f"{address}/v1/metrics", trust_env=False)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert httpx.get(f"{address}/health/ready", trust_env=False).status_code == 200
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0
    assert "hush" not in (tmp_path / "service.log").read_text()
