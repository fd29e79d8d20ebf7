"""The `storage` option of POST /optimize, and the objects that this service serves itself, over HTTP."""

import base64
import hashlib
import json
from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import start_service
from tests.helpers import encode, graphic
from tests.storage.front import Front
from tests.stores import s3_client

PNG = encode(graphic(), "PNG")
KEY = {"X-API-Key": "k1"}


@pytest.fixture(scope="module")
def storing(s3_front: Front, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service with a local default store and one bucket of S3."""
    with s3_client(s3_front.url) as client:
        client.create_bucket(Bucket="shop")
    process, address = start_service(
        tmp_path_factory.mktemp("storing"),
        API_KEY="k1",
        STORAGE_ALLOWED_BUCKETS="other,s3://shop",
        STORAGE_TIMEOUT_SECONDS="4",
        S3_ENDPOINT_URL=s3_front.url,
        AWS_ACCESS_KEY_ID="id",
        AWS_SECRET_ACCESS_KEY="secret",
    )
    with httpx.Client(base_url=address, timeout=60, trust_env=False, headers=KEY) as client:
        yield client
    process.terminate()
    assert process.wait(timeout=40) == 0


def send(service: httpx.Client, storage: dict[str, object], **headers: str) -> httpx.Response:
    files = {"file": ("my logo.png", PNG)}
    return service.post("/optimize", files=files, data={"options": json.dumps({"storage": storage})}, headers=headers)


def test_a_result_is_kept_and_served_here(storing: httpx.Client) -> None:
    answer = send(storing, {"path": "logos/{name}-{hash}.{ext}", "public": True})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    receipt = answer.json()
    stored = receipt["storage"]
    assert "image" not in receipt
    assert receipt["optimized_size"] < len(PNG)
    assert receipt["candidates"]
    assert "store;dur=" in answer.headers["server-timing"]
    assert stored["url"] == stored["public_url"] == f"/storage/pare/{stored['path']}"
    served = httpx.get(str(storing.base_url) + stored["url"], trust_env=False)
    digest = hashlib.sha256(served.content).hexdigest()
    assert stored["path"] == f"logos/my-logo-{digest}.png"
    assert (served.status_code, len(served.content)) == (200, receipt["optimized_size"])
    assert served.headers["content-type"] == "image/png"
    assert served.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert served.headers["x-content-type-options"] == "nosniff"


def test_served_objects_have_validators(storing: httpx.Client) -> None:
    url = send(storing, {"bucket": "other", "path": "a.png"}).json()["storage"]["url"]
    first = storing.get(url)
    assert (url, first.status_code) == ("/storage/other/a.png", 200)
    again = storing.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = storing.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(first.content))
    assert "sandbox" in first.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("pare/nothing.png", 404), ("shop/a.png", 404), ("..%2fslots/place-0.lock", 404), ("pare/..%2f..%2fx", 400),
        ("pare/.pare/attributes/a.png", 400), ("pare/%252e%252e/x", 400), ("pare/", 400), ("pare/a%00b", 400),
    ],
)  # fmt: skip
def test_nothing_else_is_served(storing: httpx.Client, path: str, status: int) -> None:
    answer = storing.get(f"/storage/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_another_providers_bucket(storing: httpx.Client, s3_front: Front) -> None:
    stored = send(storing, {"provider": "s3", "bucket": "shop", "path": "x/{hash}.{ext}"}).json()["storage"]
    assert "public_url" not in stored
    fetched = httpx.get(stored["url"], trust_env=False)
    assert fetched.status_code == 200
    with s3_client(s3_front.url) as client:
        found = client.get_object(Bucket="shop", Key=stored["path"])
        assert (found["ContentType"], found["Body"].read()) == ("image/png", fetched.content)


@pytest.mark.parametrize(
    ("storage", "status", "code"),
    [
        ({"bucket": "foreign"}, 403, "bucket_refused"),
        ({"provider": "gcs", "bucket": "shop"}, 403, "bucket_refused"),
        ({"provider": "s3"}, 403, "bucket_refused"),
        ({"path": "../{hash}"}, 400, "invalid_key"),
        ({"path": "{secret}"}, 400, "invalid_key"),
        ({"path": ""}, 400, "invalid_key"),
        ({"path": ".pare/attributes/x"}, 400, "invalid_key"),
        ({"provider": "ftp"}, 400, "invalid_options"),
        ({"acl": "public"}, 400, "invalid_options"),
    ],
)
def test_refusals(storing: httpx.Client, storage: dict[str, object], status: int, code: str) -> None:
    answer = send(storing, storage)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("storage", "status"), [("{}", 200), ('{"path": "logo.png"}', 401), ('{"bucket": "other"}', 401)]
)
def test_strangers_store_by_hash_alone(storing: httpx.Client, storage: str, status: int) -> None:
    options = f'{{"storage": {storage}}}'
    url = f"{storing.base_url}/optimize"
    answer = httpx.post(url, files={"file": PNG}, data={"options": options}, trust_env=False)
    assert answer.status_code == status


def test_when_storing_fails_the_problem_has_the_image(storing: httpx.Client, s3_front: Front) -> None:
    s3_front.fail(403)
    answer = send(storing, {"provider": "s3", "bucket": "shop"})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["store_status"]) == (502, "storage_failed", 403)
    image = base64.b64decode(problem["receipt"]["image"].partition(",")[2])
    assert len(image) == problem["receipt"]["optimized_size"] < len(PNG)


def test_when_storing_fails_whoever_asks_for_images_gets_the_bytes(storing: httpx.Client, s3_front: Front) -> None:
    s3_front.fail(403)
    answer = send(storing, {"provider": "s3", "bucket": "shop"}, Accept="image/*")
    assert (answer.status_code, answer.headers["x-storage-error"]) == (502, "storage_failed")
    assert answer.headers["content-type"] == "image/png"
    assert int(answer.headers["x-optimized-size"]) == len(answer.content) < len(PNG)
    assert answer.headers["cache-control"] == "no-store"


def test_a_passing_fault_is_not_noticed(storing: httpx.Client, s3_front: Front) -> None:
    s3_front.fail(503, 503)
    assert send(storing, {"provider": "s3", "bucket": "shop"}).status_code == 200
    assert not s3_front.faults
