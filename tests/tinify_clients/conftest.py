"""One service that the tests of both clients share."""

from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from tests.helpers import decode, encode, graphic, photo
from tests.optimizers.test_rendering import turned_exif
from tests.storage.front import Front
from tests.stores import s3_client
from tests.tinify_clients.service import Place, tinify_service

PHOTO = encode(photo(), "JPEG", quality=95, exif=turned_exif())
LOGO = encode(graphic(alpha=True), "PNG")
CALLS = 200
"""A minute, for each key."""


@pytest.fixture(scope="session")
def place(s3_front: Front, gcs_front: Front, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Every client has a key of its own, of which the last one is for using up its allowance."""
    with s3_client(s3_front.url) as client:
        client.create_bucket(Bucket="pictures")
    httpx.post(f"{gcs_front.url}/storage/v1/b", json={"name": "drawings"}, trust_env=False).raise_for_status()
    folder = tmp_path_factory.mktemp("tinify")
    with tinify_service(
        folder,
        PHOTO,
        api_key="python,node,spent",
        rate_limit_auth_enabled=True,
        rate_limit_auth_rpm=CALLS,
        rate_limit_public_burst=0,
        storage_allowed_buckets="s3://pictures,gs://drawings",
        storage_emulator_host=gcs_front.url,
        s3_endpoint_url=s3_front.url,
        aws_access_key_id="id",
        aws_secret_access_key="secret",
    ) as found:
        yield found


@pytest.fixture(scope="session")
def s3_url(s3_front: Front) -> str:
    return s3_front.url


def seen(data: bytes) -> Image.Image:
    """The picture without the colours that nobody sees."""
    return decode(data).convert("RGBA").convert("RGBa").convert("RGBA")


def use_up(place: Place, key: str) -> httpx.Response:
    """Calls until it is too much; the last answer."""
    with httpx.Client(auth=("api", key), trust_env=False) as client:
        for _ in range(CALLS + 1):
            answer = client.get(f"{place.url}/output/none")
            if answer.status_code == 429:
                break
    return answer
