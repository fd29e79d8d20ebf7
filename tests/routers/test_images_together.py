"""Two server processes with one Redis: a cold variant that everybody asks for at once is one piece of work."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.conftest import start_service
from tests.helpers import encode, photo
from tests.routers.test_metrics import Scrape
from tests.stores import Place, s3_client

AT_ONCE = 200


@pytest.fixture(scope="module")
def addresses(redis_server: str, s3_front: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Two services that deliver from one bucket of S3."""
    endpoint = s3_front.url  # type: ignore[attr-defined]
    with s3_client(endpoint) as client:
        client.create_bucket(Bucket="originals")
        for name in ("shop/cup.jpg", "shop/tee.jpg"):
            client.put_object(
                Bucket="originals", Key=f"prefix/{name}", Body=encode(photo(900, 700), "JPEG", quality=95)
            )
    settings = {
        "REDIS_URL": redis_server,
        "ORIGIN_URL": "s3://originals/prefix",
        "S3_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    with ExitStack() as held:
        found = []
        for name in ("one", "two"):
            process, address = start_service(tmp_path_factory.mktemp(name), **settings)
            held.callback(process.wait, timeout=40)
            held.callback(process.terminate)
            found.append(address)
        yield found


def work_done(addresses: list[str]) -> float:
    return sum(Scrape(address).sum("pare_optimizations_total") for address in addresses)


async def asked(addresses: list[str], urls: list[str]) -> list[httpx.Response]:
    limits = httpx.Limits(max_connections=len(urls))
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:
        return await asyncio.gather(*(client.get(addresses[at % 2] + url) for at, url in enumerate(urls)))


async def test_a_stampede_is_one_computation(addresses: list[str]) -> None:
    before = work_done(addresses)
    answers = await asked(addresses, ["/images/shop/cup.jpg?w=600&h=600&fit=cover&format=webp"] * AT_ONCE)
    assert work_done(addresses) - before == 1
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == len({answer.headers["etag"] for answer in answers}) == 1
    status = Counter(answer.headers["cache-status"] for answer in answers)
    assert status["pare; fwd=miss; stored"] == 1
    assert set(status) <= {"pare; fwd=miss; stored", "pare; fwd=miss; collapsed", "pare; hit"}


async def test_a_page_of_cold_variants_is_answered_whole(addresses: list[str]) -> None:
    before = work_done(addresses)
    answers = await asked(addresses, [f"/images/shop/tee.jpg?w={20 + at}" for at in range(30)])
    assert {answer.status_code for answer in answers} == {200}
    assert work_done(addresses) - before == 30


def test_what_one_made_the_other_knows_and_forgets(addresses: list[str]) -> None:
    one, two = (f"{address}/images/shop/cup.jpg" for address in addresses)
    first, second = (httpx.get(f"{url}?w=77", trust_env=False) for url in (one, two))
    assert second.headers["cache-status"] == "pare; hit" and second.headers["etag"] == first.headers["etag"]
    assert "format=original&q=80&w=77" in httpx.delete(two, trust_env=False).json()["variants"]
    assert httpx.get(f"{one}?w=77", trust_env=False).headers["cache-status"] == "pare; fwd=miss; stored"


def test_an_origin_that_does_not_answer_is_no_bug(tmp_path: Path) -> None:
    settings = {"ORIGIN_URL": "s3://originals", "S3_ENDPOINT_URL": "http://127.0.0.1:1", "STORAGE_TIMEOUT_SECONDS": "2"}
    process, address = start_service(tmp_path, **settings)
    try:
        answer = httpx.get(f"{address}/images/cup.jpg?format=auto", trust_env=False)
        assert answer.status_code == 502 and answer.json()["code"] == "storage_failed"
        assert "Accept" in answer.headers["vary"] and answer.headers["cache-control"] == "no-store"
    finally:
        process.terminate()
        process.wait(timeout=40)


def test_google_holds_originals_too(gcs_place: Place, tmp_path: Path) -> None:
    endpoint = gcs_place.options.gcs.endpoint
    name = gcs_place.url.removeprefix("gs://")
    upload = f"{endpoint}/upload/storage/v1/b/{name}/o?uploadType=media&name=cup.png"
    httpx.post(upload, content=encode(photo(60, 40), "PNG"), trust_env=False).raise_for_status()
    process, address = start_service(tmp_path, ORIGIN_URL=gcs_place.url, STORAGE_EMULATOR_HOST=endpoint)
    try:
        found = httpx.get(
            f"{address}/images/cup.png?w=30&format=auto", headers={"Accept": "image/webp"}, trust_env=False
        )
        assert (found.status_code, found.headers["content-type"]) == (200, "image/webp")
        assert httpx.get(f"{address}/images/none.png", trust_env=False).status_code == 404
    finally:
        process.terminate()
        process.wait(timeout=40)
