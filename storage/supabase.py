"""supabase://: Supabase Storage by its REST paths, for projects that have a service key and no S3 keys."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from exceptions import AlreadyExists, InvalidKey, ObjectMissing, StorageError
from storage.base import Backend, ObjectInfo, Page, StoredObject, Upload
from storage.failures import check_size, refused, unreachable
from storage.keys import quoted
from storage.options import SupabaseOptions

PAGE = 1000


class SupabaseBackend(Backend):
    """One bucket by the service key, which passes every row policy."""

    def __init__(self, bucket: str, options: SupabaseOptions, seconds: float) -> None:
        self._bucket = quoted(bucket)
        self._base = f"{options.url.rstrip('/')}/storage/v1"
        headers = {"Authorization": f"Bearer {options.service_key}", "apikey": options.service_key}
        # The key goes to the project alone: no proxy of the environment, no redirect.
        self._client = httpx.AsyncClient(base_url=self._base, headers=headers, timeout=seconds, trust_env=False)

    async def put(self, upload: Upload) -> None:
        headers = {"Content-Type": upload.content_type, "x-upsert": "false" if upload.create_only else "true"}
        if upload.cache_control:
            headers["Cache-Control"] = upload.cache_control
        await self._call("POST", f"/object/{self._at(upload.key)}", content=upload.data, headers=headers)

    async def get(self, key: str, max_bytes: int) -> StoredObject:
        async with self._answer("GET", f"/object/authenticated/{self._at(key)}") as response:
            info = _info(key, response.headers)
            check_size(info.size, max_bytes)
            return StoredObject(info, await response.aread())

    async def stat(self, key: str) -> ObjectInfo:
        answer = await self._call("GET", f"/object/info/{self._at(key)}")
        with _translated():
            return _told(key, answer.json())

    async def delete(self, key: str) -> None:
        await self._call("DELETE", f"/object/{self._bucket}", json={"prefixes": [key]})

    async def page(self, prefix: str, after: str) -> Page:
        with _translated():
            found = [info async for info in self._walk(prefix) if info.key > after]
        return Page(sorted(found, key=lambda info: info.key), more=False)

    async def _walk(self, folder: str) -> AsyncIterator[ObjectInfo]:
        """Supabase lists one folder at a time."""
        offset, rows = 0, PAGE
        while rows == PAGE:
            body = {"prefix": folder, "limit": PAGE, "offset": offset, "sortBy": {"column": "name", "order": "asc"}}
            entries = (await self._call("POST", f"/object/list/{self._bucket}", json=body)).json()
            for entry in entries:
                key = f"{folder}/{entry['name']}" if folder else entry["name"]
                if entry["id"] is not None:
                    yield _listed(key, entry)
                    continue
                async for info in self._walk(key):
                    yield info
            rows = len(entries)
            offset += rows

    async def signed_url(self, key: str, seconds: int) -> str:
        answer = await self._call("POST", f"/object/sign/{self._at(key)}", json={"expiresIn": seconds})
        with _translated():
            return f"{self._base}{answer.json()['signedURL']}"

    def public_url(self, key: str) -> str:
        return f"{self._base}/object/public/{self._at(key)}"

    async def close(self) -> None:
        await self._client.aclose()

    def _at(self, key: str) -> str:
        return f"{self._bucket}/{quoted(key)}"

    async def _call(self, method: str, path: str, **parts: Any) -> httpx.Response:
        async with self._answer(method, path, **parts) as response:
            await response.aread()
            return response

    @contextlib.asynccontextmanager
    async def _answer(self, method: str, path: str, **parts: Any) -> AsyncIterator[httpx.Response]:
        with _translated():
            async with self._client.stream(method, path, **parts) as response:
                if not response.is_success:
                    await response.aread()
                    raise _failure(response)
                yield response


def _failure(response: httpx.Response) -> StorageError | InvalidKey:
    """Supabase answers 400 with the status that is meant in the body."""
    try:
        body = response.json()
        status, error = int(body.get("statusCode") or response.status_code), body.get("error")
    except (ValueError, AttributeError):
        status, error = response.status_code, None
    if error == "InvalidKey":
        return InvalidKey("Supabase does not allow a character of the key")
    if status == 404:
        return ObjectMissing("there is no such object")
    if status == 409:
        return AlreadyExists("there is an object of that name already")
    return refused(status)


def _info(key: str, headers: httpx.Headers) -> ObjectInfo:
    return ObjectInfo(
        key,
        int(headers["content-length"]),
        parsedate_to_datetime(headers["last-modified"]) if "last-modified" in headers else datetime.now(UTC),
        headers.get("content-type", ""),
        headers.get("cache-control", ""),
        headers.get("etag", ""),
    )


def _told(key: str, entry: dict[str, Any]) -> ObjectInfo:
    return ObjectInfo(
        key,
        entry["size"],
        datetime.fromisoformat(entry["last_modified"]),
        entry.get("content_type") or "",
        entry.get("cache_control") or "",
        entry.get("etag") or "",
    )


def _listed(key: str, entry: dict[str, Any]) -> ObjectInfo:
    about = entry.get("metadata") or {}
    return ObjectInfo(
        key,
        about.get("size", 0),
        datetime.fromisoformat(entry["updated_at"]),
        about.get("mimetype", ""),
        about.get("cacheControl", ""),
        about.get("eTag", ""),
    )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise unreachable() from error
    except (KeyError, TypeError, ValueError) as error:
        raise StorageError("the store gave an answer that cannot be understood") from error
