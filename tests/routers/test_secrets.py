"""What is secret stays out of logs and answers: keys, passwords, what stands behind the ? of a URL."""

import base64
from pathlib import Path

import httpx

from tests.conftest import free_port, start_service
from tests.helpers import encode, photo

KEY = "planted-key"
URLS = (
    "http://user:planted@93.184.215.14/a.png",
    "http://127.0.0.1/a.png?sig=planted",
    "http://nowhere.invalid/a.png?sig=planted",
    "gs://planted/a.png",
)
CREDENTIALS = (
    {"Authorization": f"Bearer {KEY}"},
    {"Authorization": "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode()},
    {"X-API-Key": KEY},
    {"X-API-Key": f"not-{KEY}"},
    {"Authorization": f"Bearer not-{KEY}"},
    {"Authorization": f"Unheard-of {KEY}", "Cookie": "session=planted"},
    {"Authorization": "Ticket planted"},
)


def answers(client: httpx.Client) -> list[httpx.Response]:
    image = encode(photo(32, 32), "JPEG")
    return [
        *(client.post("/optimize", content=image, headers=headers) for headers in CREDENTIALS),
        *(client.post("/optimize", json={"url": url}) for url in URLS),
        client.post("/optimize?ticket=planted", content=image),
        client.post("/optimize?quality=planted", content=image),
        client.get("/nowhere?sig=planted"),
        client.get("/health?token=planted"),
        client.post("/optimize", content=b'{"url": "planted', headers={"Content-Type": "application/json"}),
    ]


def test_nothing_secret_is_logged_or_answered(tmp_path: Path) -> None:
    redis = f"redis://planted:planted@127.0.0.1:{free_port()}/0"
    process, address = start_service(
        tmp_path, API_KEY=KEY, REDIS_URL=redis, LOG_LEVEL="DEBUG", RATE_LIMIT_PUBLIC_RPM="1000"
    )
    try:
        with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
            seen = answers(client)
    finally:
        process.terminate()
        assert process.wait(timeout=40) == 0
    log = (tmp_path / "service.log").read_text()
    assert {answer.status_code for answer in seen} == {200, 400, 401, 404, 422, 502}
    assert log.count('"path": "/optimize"') == len(seen) - 2, "every request has its line"
    assert "rate limits are off" in log
    assert "planted" not in log and base64.b64encode(f"api:{KEY}".encode()).decode() not in log
    assert [a.text for a in seen if "planted" in f"{a.text} {a.headers}" and a.status_code != 200] == []
