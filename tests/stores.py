"""Fixtures of object stores that every room may use: real S3 and Google emulators, Supabase's paths, on loopback.

A plugin of every test session (`conftest.py`), so the emulators are imported by those who use them.
"""

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from storage.options import GcsOptions, S3Options, StoreOptions, SupabaseOptions
from storage.retry import RetryPolicy
from tests.storage.front import Front, running

if TYPE_CHECKING:
    import uvicorn

    from tests.storage.google_api import GoogleFront
    from tests.storage.supabase_api import SupabaseApi


@dataclass(frozen=True)
class Place:
    """A store's URL and options; where it is behind HTTP, the proxy before it."""

    url: str
    options: StoreOptions
    front: Front | None = None

    def patient_for(self, seconds: float) -> "Place":
        """The same, with so much patience, and short waits between its tries."""
        return replace(self, options=replace(self.options, retry=RetryPolicy(total=seconds, first_delay=0.01)))


def bucket_name() -> str:
    return f"bucket-{secrets.token_hex(6)}"


@pytest.fixture(scope="session")
def s3_front() -> Iterator[Front]:
    """moto's S3 server behind a proxy."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with running(Front(f"http://{host}:{port}")) as front:
        yield front
    server.stop()


@pytest.fixture
def s3_place(s3_front: Front) -> Place:
    """A new bucket of S3."""
    options = S3Options(endpoint=s3_front.url, access_key_id="id", secret_access_key="secret")
    bucket = bucket_name()
    with s3_client(s3_front.url) as client:
        client.create_bucket(Bucket=bucket)
    return Place(f"s3://{bucket}", StoreOptions(s3=options), s3_front)


@contextmanager
def s3_client(endpoint: str) -> Iterator[Any]:
    """S3 by another hand than ours."""
    import boto3

    keys = {"aws_access_key_id": "id", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    with closing(boto3.client("s3", endpoint_url=endpoint, **keys)) as client:
        yield client


@pytest.fixture(scope="session")
def gcs_front() -> "Iterator[GoogleFront]":
    """gcp-storage-emulator behind a proxy that adds what it leaves out."""
    from gcp_storage_emulator.server import create_server

    from tests.storage.google_api import GoogleFront

    logging.getLogger("api.object").setLevel(logging.CRITICAL)
    server = create_server("127.0.0.1", 0, in_memory=True)
    server.start()
    port = server._api._httpd.server_port
    with running(GoogleFront(f"http://127.0.0.1:{port}")) as front:
        yield front
    server.stop()


@pytest.fixture
def gcs_place(gcs_front: "GoogleFront", tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A new bucket of Google Cloud Storage; default credentials are a service account's with a key."""
    from google.auth.credentials import CredentialsWithRegionalAccessBoundary as Credentials

    # Else the library asks Google, in a thread of its own, where these credentials may be used.
    monkeypatch.setattr(Credentials, "_is_regional_access_boundary_lookup_required", lambda _: False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", gcs_front.credentials_file(tmp_path))
    bucket = bucket_name()
    httpx.post(f"{gcs_front.url}/storage/v1/b", json={"name": bucket}, trust_env=False).raise_for_status()
    return Place(f"gs://{bucket}", StoreOptions(gcs=GcsOptions(endpoint=gcs_front.url)), gcs_front)


@pytest.fixture(scope="session")
def supabase_api() -> "SupabaseApi":
    """The stand-in's buckets."""
    from tests.storage.supabase_api import SupabaseApi

    return SupabaseApi()


@pytest.fixture(scope="session")
def supabase_front(supabase_api: "SupabaseApi") -> Iterator[Front]:
    """The stand-in for Supabase behind a proxy."""
    import uvicorn

    with served(uvicorn.Config(supabase_api.app(), port=0, log_config=None)) as url, running(Front(url)) as front:
        yield front


@pytest.fixture
def supabase_place(supabase_api: "SupabaseApi", supabase_front: Front) -> Place:
    """A new bucket of Supabase."""
    from tests.storage.supabase_api import KEY

    bucket = bucket_name()
    supabase_api.buckets[bucket] = {}
    options = SupabaseOptions(url=supabase_front.url, service_key=KEY)
    return Place(f"supabase://{bucket}", StoreOptions(supabase=options), supabase_front)


@contextmanager
def served(config: "uvicorn.Config") -> Iterator[str]:
    """An application on loopback; its address."""
    import uvicorn

    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
