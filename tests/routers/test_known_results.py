"""Results that are known, over HTTP: what two callers and two containers see of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from tests.conftest import start_service
from tests.helpers import encode, photo
from tests.routers.test_metrics import Scrape


@pytest.fixture(scope="module")
def containers(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[httpx.Client]]:
    """Two services with one Redis."""
    with ExitStack() as held:
        clients = []
        for name in ("one", "two"):
            process, address = start_service(tmp_path_factory.mktemp(name), REDIS_URL=redis_server, API_KEY="k1")
            held.callback(process.wait, timeout=40)
            held.callback(process.terminate)
            clients.append(held.enter_context(httpx.Client(base_url=address, timeout=60, trust_env=False)))
        yield clients


def send(service: httpx.Client, data: bytes, name: str = "a.jpg", **headers: str) -> httpx.Response:
    answer = service.post("/optimize", files={"file": (name, data)}, headers=headers)
    assert answer.status_code == 200
    return answer


def test_the_second_container_knows_it_and_not_whose_it_was(containers: list[httpx.Client]) -> None:
    data = encode(photo(seed=11), "JPEG", quality=95)
    first, second = send(containers[0], data, "my secret plan.jpg"), send(containers[1], data, "mine.jpg")
    assert first.headers["cache-status"] == "pare; fwd=miss; stored"
    assert second.headers["cache-status"] == "pare; hit"
    assert second.content == first.content
    own = {"cache-status", "content-disposition", "server-timing", "date", "x-request-id"}
    assert {k: v for k, v in first.headers.items() if k not in own} == {
        k: v for k, v in second.headers.items() if k not in own
    }
    assert "secret" not in str(second.headers) and "mine.jpg" in second.headers["content-disposition"]


def test_the_receipt_is_whole(containers: list[httpx.Client]) -> None:
    data = encode(photo(seed=12), "JPEG", quality=95)
    first, second = (send(service, data, Accept="application/json").json() for service in containers)
    assert first == second and first["candidates"]


def test_both_at_once_work_once(containers: list[httpx.Client]) -> None:
    data = encode(photo(900, 700, seed=13), "PNG")
    before = [Scrape(str(service.base_url).rstrip("/")).sum("pare_optimizations_total") for service in containers]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda at: send(containers[at % 2], data), range(6)))
    after = [Scrape(str(service.base_url).rstrip("/")).sum("pare_optimizations_total") for service in containers]
    assert sum(after) - sum(before) == 1
    assert len({answer.content for answer in answers}) == 1
    assert sorted({answer.headers["cache-status"] for answer in answers})[0].startswith("pare; fwd=miss")


def test_other_wishes_are_other_results(containers: list[httpx.Client]) -> None:
    data = encode(photo(seed=14), "JPEG", quality=95)
    for wish in ("metadata=safe", "metadata=none", "quality=70", "effort=fast", "metadata=none&quality=70"):
        answer = containers[0].post(f"/optimize?{wish}", content=data)
        assert answer.headers["cache-status"] == "pare; fwd=miss; stored", wish


def test_refusals_are_not_kept(containers: list[httpx.Client]) -> None:
    answers = [containers[0].post("/optimize", content=b"no image") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [415, 415]
    assert "cache-status" not in answers[1].headers
    assert answers[1].headers["cache-control"] == "no-store"


def test_other_doors_remember_too(containers: list[httpx.Client]) -> None:
    data = encode(photo(seed=15), "PNG")
    raw = [service.post("/compress", content=data) for service in containers]
    assert raw[1].headers["cache-status"] == "pare; hit"
    stored = containers[1].post("/compress", files={"image": data}, headers={"X-API-Key": "k1"})
    assert stored.headers["cache-status"] == "pare; hit"
    assert stored.json()["optimized_size"] == len(raw[0].content)


def test_look_ups_are_counted(containers: list[httpx.Client]) -> None:
    data = encode(photo(seed=16), "JPEG", quality=95)
    address = str(containers[0].base_url).rstrip("/")

    def counted(result: str) -> float:
        return Scrape(address).sum("pare_cache_requests_total", layer="redis", result=result)

    before = counted("hit"), counted("miss")
    for _ in range(3):
        send(containers[0], data)
    assert (counted("hit") - before[0], counted("miss") - before[1]) == (2, 1)
