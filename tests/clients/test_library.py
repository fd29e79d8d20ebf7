"""The Python client and the library: an image sent, worked on by a real worker, found, all by the real routes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import jwt
import pytest
from pare_client import ApiError, Client

from config import ROOT
from tests.conftest import start_service
from tests.helpers import decode, encode, photo

SECRET = "s" * 48


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service of its own, beside which a worker runs."""
    folder = tmp_path_factory.mktemp("library")
    settings = {"JWT_SECRET_KEY": SECRET, "STORAGE_ALLOWED_BUCKETS": "file://test-uploads"}
    process, address = start_service(folder, **settings)
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), "TMPDIR": str(folder), **settings}
    with (folder / "worker.log").open("wb") as log:
        worker = subprocess.Popen([sys.executable, "worker.py"], cwd=ROOT, env=env, stdout=log, stderr=log)
    token = jwt.encode({"sub": "me", "exp": int(time.time()) + 600}, SECRET, algorithm="HS256")
    with Client(address, token=token) as client:
        yield client
    for one in (worker, process):
        one.terminate()
    assert process.wait(timeout=40) == 0 and worker.wait(timeout=60) == 0


def test_an_image_goes_through(library: Client) -> None:
    upload = library.upload_image(encode(photo(800, 600), "JPEG"), "test-uploads", metadata={"context": "test"})
    assert library.job(upload.job_id).image_id == upload.image_id
    result = library.poll_until_complete(upload.job_id, timeout=120, interval=0.2)
    assert result.image_id == upload.image_id and result.raw["context"] == {"context": "test"}
    medium = result.variants["medium"]
    assert (medium.width, medium.height, medium.format) == (600, 450, "webp")
    served = httpx.get(f"{library.base_url}{medium.url}", trust_env=False)
    assert decode(served.content).size == (600, 450) and len(served.content) == medium.size_bytes


def test_what_the_library_refuses(library: Client) -> None:
    with pytest.raises(ApiError) as caught:
        library.upload_image(b"no image", "test-uploads")
    assert caught.value.status == 415
    with pytest.raises(ApiError, match="404"):
        library.job("0b7d9a52-7c3e-4a53-9d0e-6f1f2c5a8b11")
    with Client(str(library.base_url)) as nobody, pytest.raises(ApiError, match="401"):
        nobody.job("0b7d9a52-7c3e-4a53-9d0e-6f1f2c5a8b11")
