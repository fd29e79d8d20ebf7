"""Google Cloud Storage: signatures with a key and without one, time, tokens that fail."""

import asyncio
import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import google.auth
import httpx
import pytest
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.transport.requests import Request

from exceptions import StorageError
from storage.options import GcsOptions, StoreOptions
from storage.stores import open_store
from tests.storage.google_api import EMAIL, GoogleFront
from tests.stores import Place


class MachineCredentials(Credentials):
    """Cloud Run's: a token from the metadata server, an address that is known after it, no private key."""

    service_account_email = "default"

    def refresh(self, request: Any) -> None:
        self.token, self.service_account_email = "machine-token", EMAIL


async def test_signatures_are_checked_and_end(gcs_place: Place) -> None:
    store = open_store(gcs_place.url, gcs_place.options)
    await store.put("k", b"x", content_type="image/png")
    async with httpx.AsyncClient(trust_env=False) as client:
        url = await store.signed_url("k", seconds=60)
        assert (await client.get(url)).status_code == 200
        assert (await client.get(url.replace("/k?", "/other?"))).status_code == 403
        short = await store.signed_url("k", seconds=1)
        await asyncio.sleep(2.1)
        assert (await client.get(short)).status_code == 403
    await store.close()


async def test_without_a_private_key_iam_signs(
    gcs_place: Place, gcs_front: GoogleFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def iam(self: Request, url: str, method: str, body: bytes, headers: dict[str, str]) -> SimpleNamespace:
        asked.append((url, headers["Authorization"]))
        signed = gcs_front.sign_blob(base64.b64decode(json.loads(body)["payload"]))
        return SimpleNamespace(status=200, data=json.dumps({"signedBlob": signed}).encode())

    monkeypatch.setattr(google.auth, "default", lambda scopes: (MachineCredentials(), None))
    monkeypatch.setattr(Request, "__call__", iam)
    store = open_store(gcs_place.url, gcs_place.options)
    await store.put("k", b"machine", content_type="image/png")
    url = await store.signed_url("k", seconds=60)
    assert parse_qs(urlsplit(url).query)["X-Goog-Credential"][0].startswith(f"{EMAIL}/")
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(url)).content == b"machine"
    where = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{EMAIL}:signBlob?alt=json"
    assert asked == [(where, "Bearer machine-token")]
    await store.close()


async def test_credentials_that_cannot_sign_are_said(gcs_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google.auth, "default", lambda scopes: (AnonymousCredentials(), None))
    store = open_store(gcs_place.url, gcs_place.options)
    with pytest.raises(StorageError, match="service account"):
        await store.signed_url("k", seconds=60)
    await store.close()


async def test_no_credentials_are_said(gcs_place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))
    store = open_store(gcs_place.url, gcs_place.options)
    with pytest.raises(StorageError, match="credentials"):
        await store.stat("k")
    await store.close()


async def test_an_emulator_may_ask_for_none(gcs_place: Place, gcs_front: GoogleFront) -> None:
    store = open_store(gcs_place.url, StoreOptions(gcs=GcsOptions(gcs_front.url, anonymous=True)))
    await store.put("k", b"x", content_type="image/png")
    assert (await store.stat("k")).size == 1
    await store.close()


async def test_a_listing_of_more_than_a_page(gcs_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.gcs.PAGE", 3)
    store = open_store(gcs_place.url, gcs_place.options)
    wanted = [f"p/{number}" for number in range(8)]
    for key in wanted:
        await store.put(key, b"x", content_type="image/png")
    assert [info.key async for info in store.list("p")] == wanted
    await store.close()


async def test_markers_of_folders_are_no_objects(gcs_place: Place, gcs_front: GoogleFront) -> None:
    bucket = gcs_place.url.removeprefix("gs://")
    where = f"{gcs_front.url}/upload/storage/v1/b/{bucket}/o"
    async with httpx.AsyncClient(trust_env=False) as client:
        for name in ("photos/", "photos//x", "photos/y"):
            await client.post(where, params={"uploadType": "media", "name": name}, content=b"x")
    store = open_store(gcs_place.url, gcs_place.options)
    assert [info.key async for info in store.list()] == ["photos/y"]
    await store.close()


def test_public_urls_are_googles() -> None:
    store = open_store("gs://photos", StoreOptions())
    assert store.public_url("a b/k") == "https://storage.googleapis.com/photos/a%20b/k"
