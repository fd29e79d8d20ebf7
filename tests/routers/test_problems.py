"""Refusals and bugs as a caller sees them."""

import httpx
import pytest

from config import Settings
from exceptions import PareError, ToolMissing, UploadTimeout
from main import create_app


async def answer_to(error: Exception) -> httpx.Response:
    """What the application answers when a handler raises."""
    app = create_app(Settings(_env_file=None))

    @app.get("/raise")
    async def fail() -> None:
        raise error

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://pare") as client:
        return await client.get("/raise", headers={"Origin": "https://shop.example", "X-Request-ID": "mine"})


async def test_a_bug_has_every_header_of_an_answer() -> None:
    answer = await answer_to(RuntimeError("the database password is secret"))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "mine"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("error", "status", "header", "value"),
    [(ToolMissing("x"), 503, "retry-after", "2"), (UploadTimeout("x"), 408, "connection", "close")],
)
async def test_headers_that_belong_to_a_status(error: PareError, status: int, header: str, value: str) -> None:
    answer = await answer_to(error)
    assert (answer.status_code, answer.headers[header]) == (status, value)
