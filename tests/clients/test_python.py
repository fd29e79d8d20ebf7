"""The Python client against the running service; the library's part against a small one that follows its document."""

import asyncio
import inspect
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pare_client import ApiError, AsyncClient, Client, Failed, Retries, TookTooLong, Unreachable, image_url
from pare_client.retries import seconds_of

from tests.clients.jobs_api import IMAGE, JOB, TOKEN, JobsApi, problem
from tests.conftest import start_service
from tests.helpers import decode, encode, graphic, photo

PHOTO = encode(photo(), "JPEG", quality=95)
AT_ONCE = Retries(attempts=3, first_pause=0.0)


class Blocking:
    """The asynchronous client, called like the other one, so that one test tells of both."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._make = lambda: AsyncClient(*args, **options)

    def __enter__(self) -> "Blocking":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **options: Any) -> Any:
            async with self._make() as client:
                return await getattr(client, name)(*args, **options)

        return lambda *args, **options: asyncio.run(call(*args, **options))


@pytest.fixture(params=[Client, Blocking], ids=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Any:
    """Either client."""
    return request.param


@pytest.fixture
def pare(kind: Any, service: httpx.Client) -> Iterator[Any]:
    """Either client of the shared service."""
    with kind(str(service.base_url)) as client:
        yield client


def test_optimize(pare: Any, tmp_path: Path) -> None:
    (tmp_path / "beach.jpg").write_bytes(PHOTO)
    made = pare.optimize(tmp_path / "beach.jpg", quality="auto", min_score=75)
    assert len(made.data) == made.optimized_size < made.original_size == len(PHOTO)
    assert (made.filename, made.content_type, made.reason) == ("beach.jpg", "image/jpeg", "optimized")
    assert made.score and made.score >= 75 and decode(made.data).size == (made.width, made.height) == (160, 120)
    assert pare.optimize(PHOTO, format="webp").optimized_format == "webp"
    assert pare.optimize(PHOTO, lossless=True).quality_used is None


def test_a_refusal_is_typed(pare: Any) -> None:
    with pytest.raises(ApiError) as caught:
        pare.optimize(b"no image")
    assert (caught.value.status, caught.value.code) == (415, "unknown_format") and caught.value.request_id
    with pytest.raises(ApiError, match="invalid_options"):
        pare.optimize(PHOTO, quality=101)
    with pytest.raises(ApiError, match="url_refused"):
        pare.optimize(url="http://127.0.0.1/a.png")
    with pytest.raises(TypeError):
        pare.estimate()
    with pytest.raises(FileNotFoundError):
        pare.estimate("gone.png")


def test_estimate_compress_store_health_ticket(pare: Any, service: httpx.Client) -> None:
    estimate = pare.estimate(PHOTO, quality=60)
    assert estimate.raw == service.post("/estimate?quality=60", content=PHOTO).json()
    assert estimate.low <= estimate.estimated_reduction_percent <= estimate.high
    logo = encode(graphic(alpha=True), "PNG")
    made = pare.compress(logo, quality=75, background="#00f")
    assert made.optimized_format == "jpeg" and decode(made.data).convert("RGB").getpixel((0, 0))[2] > 240
    stored = pare.store(PHOTO, storage={"path": "clients/{hash}.{ext}"}, quality=70)
    assert stored.stored.path.startswith("clients/") and service.get(stored.stored.url).status_code == 200
    health = pare.health()
    assert health.ok and "jpeg" in health.formats
    ticket = pare.ticket(max_bytes=100_000, uses=1, optimization={"quality": 50})
    assert service.post(ticket.url, content=PHOTO).headers["x-quality-used"] == "50"


def test_a_key_opens_what_is_closed(kind: Any, tmp_path: Path) -> None:
    process, address = start_service(tmp_path, API_KEY="first,second", REQUIRE_AUTH="true")
    try:
        with kind(address) as nobody, pytest.raises(ApiError) as caught:
            nobody.optimize(PHOTO)
        assert (caught.value.status, caught.value.code) == (401, "unauthorized")
        with kind(address, key="second") as known:
            assert known.optimize(PHOTO).reason == "optimized"
    finally:
        process.terminate()
        process.wait(timeout=40)


def test_what_passes_is_waited_for(kind: Any) -> None:
    api = JobsApi(refusals=[problem(503, "busy", **{"Retry-After": "0"}), problem(429, "rate_limited")])
    client = kind("http://pare", token=TOKEN, transport=httpx.MockTransport(api), retries=AT_ONCE)
    assert client.job(JOB).status == "pending"
    started = time.monotonic()
    api.refusals = [problem(429, "rate_limited", **{"Retry-After": "3600"})]
    with pytest.raises(ApiError) as caught:
        client.job(JOB)
    assert caught.value.retry_after == 3600 and time.monotonic() - started < 60
    api.refusals = [problem(503, "busy") for _ in range(5)]
    with pytest.raises(ApiError):
        client.job(JOB)
    assert len(api.refusals) == 2, "as many calls as it may make"


def test_an_upload_that_may_have_arrived_is_not_sent_again(kind: Any) -> None:
    calls: list[str] = []

    def breaks(request: httpx.Request) -> httpx.Response:
        calls.append(request.method)
        raise httpx.ReadError("connection lost")

    client = kind("http://pare", token=TOKEN, transport=httpx.MockTransport(breaks), retries=AT_ONCE)
    with pytest.raises(Unreachable, match="connection lost"):
        client.upload_image(PHOTO, "test")
    assert calls == ["POST"]
    with pytest.raises(Unreachable):
        client.job(JOB)
    assert calls == ["POST", "GET", "GET", "GET"]


def test_an_image_through_the_library(kind: Any, tmp_path: Path) -> None:
    api = JobsApi()
    client = kind("http://pare", token=TOKEN, key="other", transport=httpx.MockTransport(api))
    (tmp_path / "a.jpg").write_bytes(PHOTO)
    upload = client.upload_image(
        str(tmp_path / "a.jpg"), "test", metadata={"context": "x"}, callback_url="https://a.example/"
    )
    assert (upload.job_id, upload.image_id) == (JOB, IMAGE)
    assert api.form == {
        "file": PHOTO,
        "bucket": b"test",
        "metadata": b'{"context": "x"}',
        "callback_url": b"https://a.example/",
    }
    with pytest.raises(ApiError, match="409 not_finished"):
        client.result(upload.job_id)
    result = client.poll_until_complete(upload.job_id, interval=0)
    assert result.image_id == IMAGE and set(result.variants) == {"thumbnail", "medium", "large", "original"}
    medium = result.variants["medium"]
    assert (medium.width, medium.height, medium.format) == (600, 450, "webp") and medium.url.endswith("_medium.webp")
    assert result.dominant_color == "#a0b0c0"


def test_a_job_that_fails_or_takes_too_long(kind: Any) -> None:
    def client(*states: str) -> Any:
        return kind("http://pare", token=TOKEN, transport=httpx.MockTransport(JobsApi(list(states))))

    with pytest.raises(Failed, match="cannot be decoded"):
        client("processing", "failed").poll_until_complete(JOB, interval=0)
    with pytest.raises(TookTooLong, match="still retrying after 0"):
        client("retrying").poll_until_complete(JOB, timeout=0, interval=0.01)
    with pytest.raises(ApiError, match="404"):
        client("pending").job("../../health")


def test_no_proxy_in_between_can_upset_it(kind: Any) -> None:
    page = httpx.Response(502, text="<html>Bad gateway</html>")
    client = kind("http://pare", transport=httpx.MockTransport(lambda _: page))
    with pytest.raises(ApiError, match="502 unknown: <html>"):
        client.health()


def test_moments_to_come_back() -> None:
    assert seconds_of("7") == 7 and seconds_of(None) is None and seconds_of("soon") is None
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert 95 < (seconds_of(later) or 0) <= 100
    assert Retries().pause(1, 61) is None and Retries().pause(4, 1) is None and Retries().pause(3, 60) == 60


def test_both_clients_are_one() -> None:
    def public(cls: type) -> dict[str, str]:
        return {name: str(inspect.signature(method)) for name, method in vars(cls).items() if not name.startswith("_")}

    assert public(Client) == public(AsyncClient) and {"optimize", "poll_until_complete"} <= set(public(Client))


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"path": "a b/é.jpg"}, "/images/a%20b/%C3%A9.jpg"),
        ({"path": "a.jpg", "w": 300, "dpr": 1.5, "base_url": "https://x/"}, "https://x/images/a.jpg?dpr=1.5&w=300"),
        (
            {"path": "shop/cup.jpg", "w": 300, "key": "SECRET", "expires": 1800000000},
            "/images/shop/cup.jpg?exp=1800000000&w=300&sig=UYy-fWG5XIIZmge2tnfTRY6tLITs3t2lAei_NvZaduU",
        ),
        (
            {"path": "a.jpg", "key": "SECRET", "key_id": "k1"},
            "/images/a.jpg?kid=k1&sig=q2S97TedhbnMCkSxMquZbsxLgoEs47HMX3S7gGkK5vM",
        ),
        ({"path": "a.jpg", "key": "SECRET"}, "/images/a.jpg?sig=huS6apaeWxCYCm4saqoFT4l5iiJvxdGWCd3iYUUftqI"),
    ],
)
def test_addresses_of_images(given: dict[str, Any], address: str) -> None:
    assert image_url(**given) == address


def test_a_signed_address_opens(tmp_path: Path) -> None:
    (tmp_path / "originals").mkdir()
    (tmp_path / "originals" / "a b.jpg").write_bytes(PHOTO)
    process, address = start_service(
        tmp_path, ORIGIN_URL=f"file://{tmp_path}/originals", SIGNING_KEY=f"old,k1:{'s' * 32}"
    )
    try:
        given: dict[str, Any] = {"base_url": address, "w": 80, "format": "webp"}
        signed = image_url("a b.jpg", key="s" * 32, key_id="k1", expires=int(time.time()) + 60, **given)
        answer = httpx.get(signed, trust_env=False)
        assert answer.status_code == 200 and decode(answer.content).size == (80, 60)
        assert httpx.get(image_url("a b.jpg", **given), trust_env=False).status_code == 403
        assert httpx.get(signed.replace("w=80", "w=81"), trust_env=False).status_code == 403
    finally:
        process.terminate()
        process.wait(timeout=40)
