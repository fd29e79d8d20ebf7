"""gs://: Google Cloud Storage by Google's own client, in threads of its own."""

import asyncio
import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from exceptions import AlreadyExists, ObjectMissing, StorageError, StorageUnavailable
from storage.base import Backend, ObjectInfo, Page, StoredObject, Upload
from storage.failures import check_size, refused, unreachable
from storage.keys import quoted
from storage.options import GcsOptions

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Bucket

T = TypeVar("T")
PAGE = 1000
CHUNK = 8 << 20
PUBLIC = "https://storage.googleapis.com"
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
THREADS = 8


class GcsBackend(Backend):
    """One bucket by the blocking client; trying again is the port's business."""

    def __init__(self, name: str, options: GcsOptions, seconds: float) -> None:
        self._name = name
        self._options = options
        self._endpoint = options.endpoint.rstrip("/") or PUBLIC
        # No try of the client's own, and no thread that outlives the port's patience by much.
        self._limits: dict[str, Any] = {"timeout": seconds, "retry": None}
        # Not the loop's threads: when Google is slow, name lookups and files go on.
        self._threads = ThreadPoolExecutor(THREADS, "gcs")
        self._lock = threading.Lock()

    async def put(self, upload: Upload) -> None:
        await self._in_thread(self._put, upload)

    async def get(self, key: str, max_bytes: int) -> StoredObject:
        return await self._in_thread(self._get, key, max_bytes)

    async def stat(self, key: str) -> ObjectInfo:
        return await self._in_thread(lambda: _info(self._loaded(key)))

    async def delete(self, key: str) -> None:
        with contextlib.suppress(ObjectMissing):
            await self._in_thread(lambda: self._bucket.blob(key).delete(**self._limits))

    async def page(self, prefix: str, after: str) -> Page:
        return await self._in_thread(self._page, prefix, after)

    async def signed_url(self, key: str, seconds: int) -> str:
        return await self._in_thread(self._sign, key, seconds)

    def public_url(self, key: str) -> str:
        return f"{self._endpoint}/{self._name}/{quoted(key)}"

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if "_client" in self.__dict__:
            self._client.close()

    async def _in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        def translated() -> T:
            with _translated():
                return work(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._threads, translated)

    @functools.cached_property
    def _credentials(self) -> Any:
        import google.auth
        from google.auth.credentials import AnonymousCredentials

        if self._options.anonymous:
            return AnonymousCredentials()
        found, _ = google.auth.default(scopes=SCOPES)
        return found

    @functools.cached_property
    def _client(self) -> Any:
        from google.cloud.storage import Client

        # For traces that nobody takes, the client would ask about the bucket, which the account may not be allowed to.
        os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        # A project is asked for by the client and used by none of these verbs.
        return Client(
            project="-", credentials=self._credentials, client_options={"api_endpoint": self._options.endpoint or None}
        )

    @property
    def _bucket(self) -> "Bucket":
        # Finding credentials asks files and, on Google's machines, a server: once, and never in the loop.
        with self._lock:
            return self._client.bucket(self._name)

    def _put(self, upload: Upload) -> None:
        # Above 8 MiB the client sends chunks; without a size for them it would copy all into one.
        blob = self._bucket.blob(upload.key, chunk_size=CHUNK)
        blob.cache_control = upload.cache_control or None
        blob.upload_from_string(
            upload.data,
            content_type=upload.content_type,
            if_generation_match=0 if upload.create_only else None,
            **self._limits,
        )

    def _loaded(self, key: str) -> "Blob":
        blob = self._bucket.blob(key)
        blob.reload(**self._limits)
        return blob

    def _get(self, key: str, max_bytes: int) -> StoredObject:
        from google.api_core.exceptions import NotFound

        blob = self._loaded(key)
        # Now: a download writes what its own headers say, and what they do not say, into the blob.
        info = _info(blob)
        check_size(info.size, max_bytes)
        try:
            # Raw: what is kept as gzip would be unpacked to any size.
            data = blob.download_as_bytes(raw_download=True, **self._limits)
        except NotFound as error:
            raise StorageUnavailable("the object was replaced while it was read") from error
        return StoredObject(info, data)

    def _page(self, prefix: str, after: str) -> Page:
        blobs = self._bucket.list_blobs(
            prefix=f"{prefix}/" if prefix else None, start_offset=after or None, max_results=PAGE, **self._limits
        )
        found = [_info(blob) for blob in blobs]
        # The offset names the first key that is wanted, not the last one that was had.
        return Page([info for info in found if info.key != after], more=len(found) == PAGE)

    def _sign(self, key: str, seconds: int) -> str:
        url: str = self._bucket.blob(key).generate_signed_url(
            version="v4",
            expiration=timedelta(seconds=seconds),
            api_access_endpoint=self._endpoint,
            credentials=self._credentials,
            **self._signer(),
        )
        return url

    def _signer(self) -> dict[str, str]:
        """What signs where no private key is at hand (Cloud Run's default credentials): IAM's signBlob, by a token."""
        from google.auth.credentials import Signing
        from google.auth.transport.requests import Request

        credentials = self._credentials
        if isinstance(credentials, Signing):
            return {}
        if not hasattr(credentials, "service_account_email"):
            raise StorageError("URLs can be signed with a service account's credentials only")
        if not credentials.valid:
            # Before the first token its address is unknown, too.
            credentials.refresh(Request())
        return {"service_account_email": credentials.service_account_email, "access_token": credentials.token}


def _info(blob: "Blob") -> ObjectInfo:
    assert blob.updated is not None
    return ObjectInfo(
        blob.name, blob.size or 0, blob.updated, blob.content_type or "", blob.cache_control or "", blob.etag or ""
    )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    import requests
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

    try:
        yield
    except GoogleAPICallError as error:
        raise _failure(int(error.code or 500)) from error
    except InvalidResponse as error:
        raise _failure(error.response.status_code) from error
    except (requests.RequestException, TransportError, DataCorruption) as error:
        raise unreachable() from error
    except GoogleAuthError as error:
        raise StorageError("there are no credentials for the store, or they are not valid") from error


def _failure(status: int) -> StorageError:
    if status == 404:
        return ObjectMissing("there is no such object")
    if status == 412:
        return AlreadyExists("there is an object of that name already")
    return refused(status)
