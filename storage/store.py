"""The port: what the rest of the service calls a store. Checks keys, tries again, says why it failed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import structlog

from exceptions import AlreadyExists, ObjectMissing, PayloadTooLarge, StorageError
from storage.base import Backend, ObjectInfo, StoredObject, Upload
from storage.keys import check_key, check_prefix, is_key, quoted
from storage.retry import RetryPolicy, retried

T = TypeVar("T")
MAX_LIFETIME = 7 * 24 * 3600
"""Seconds; S3's and Google's own limit for a signature."""
PROBE = "pare-health"
"""A key that nobody has to have put there."""
PROBE_SECONDS = 2.0
log = structlog.get_logger("pare.storage")


class Store:
    """One bucket, or one folder of it; every verb may raise StorageError (502) or StorageTimeout (504)."""

    def __init__(self, backend: Backend, policy: RetryPolicy, *, folder: str = "", public_base: str = "") -> None:
        self._backend = backend
        self._policy = policy
        self._folder = f"{check_prefix(folder)}/" if folder else ""
        self._public_base = public_base.rstrip("/")

    def within(self, folder: str) -> "Store":
        """The store of a folder in this one. Raises InvalidKey."""
        return Store(self._backend, self._policy, folder=self._folder + folder, public_base=self._public_base)

    async def put(
        self, key: str, data: bytes, *, content_type: str, cache_control: str = "", create_only: bool = False
    ) -> None:
        """Write an object whole. Raises InvalidKey; AlreadyExists with `create_only` where there is one."""
        upload = Upload(self._full(key), data, content_type, cache_control, create_only)

        async def attempt(number: int) -> None:
            try:
                await self._backend.put(upload)
            except AlreadyExists:
                # An earlier try may have written it although its answer was lost.
                if number == 1 or not await self._holds(upload):
                    raise
            except ObjectMissing:
                raise StorageError("the bucket does not exist") from None

        await self._run("put", attempt)

    async def get(self, key: str, *, max_bytes: int) -> StoredObject:
        """An object with its bytes. Raises InvalidKey, ObjectMissing, PayloadTooLarge."""
        path = self._full(key)
        found = await self._run("get", lambda _: self._backend.get(path, max_bytes))
        return replace(found, info=self._own(found.info))

    async def stat(self, key: str) -> ObjectInfo:
        """What is known of an object. Raises InvalidKey, ObjectMissing."""
        path = self._full(key)
        return self._own(await self._run("stat", lambda _: self._backend.stat(path)))

    async def delete(self, key: str) -> None:
        """Remove an object; removing what is missing is no error. Raises InvalidKey."""
        path = self._full(key)
        await self._run("delete", lambda _: self._backend.delete(path))

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Every object in the folder `prefix`, at any depth, in key order. Raises InvalidKey.

        Names that no verb would take, such as the markers of empty folders, are left out.
        """
        folder = (self._folder + check_prefix(prefix)).rstrip("/")
        after, more = "", True
        while more:
            page = await self._run("list", lambda _, after=after: self._backend.page(folder, after))  # type: ignore[misc]
            for info in page.objects:
                if is_key(info.key):
                    yield self._own(info)
            more = page.more
            after = page.objects[-1].key if page.objects else after

    async def signed_url(self, key: str, *, seconds: int) -> str:
        """An address at which anybody may read the object for so long; where everything is public, its public one."""
        path = self._full(key)
        lifetime = max(1, min(seconds, MAX_LIFETIME))
        return await self._run("sign", lambda _: self._backend.signed_url(path, lifetime))

    def public_url(self, key: str) -> str:
        """The object's address without a signature: it answers where the bucket lets anybody read."""
        path = self._full(key)
        return f"{self._public_base}/{quoted(path)}" if self._public_base else self._backend.public_url(path)

    async def answers(self) -> bool:
        """Whether the store answers just now."""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await self._backend.stat(self._full(PROBE))
        except ObjectMissing:
            return True
        except StorageError as error:
            # S3 says this of a missing object to whoever may read and write and not list.
            return error.extensions.get("store_status") == 403
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Give back connections and threads."""
        await self._backend.close()

    def _full(self, key: str) -> str:
        return check_key(self._folder + check_key(key))

    def _own(self, info: ObjectInfo) -> ObjectInfo:
        return replace(info, key=info.key.removeprefix(self._folder))

    async def _holds(self, upload: Upload) -> bool:
        try:
            return (await self._backend.get(upload.key, len(upload.data))).data == upload.data
        except (ObjectMissing, PayloadTooLarge):
            return False

    async def _run(self, verb: str, operation: Callable[[int], Awaitable[T]]) -> T:
        try:
            return await retried(operation, self._policy)
        except (ObjectMissing, AlreadyExists):
            raise
        except StorageError as error:
            log.warning("storage failed", verb=verb, detail=error.detail, cause=_cause(error))
            raise


def _cause(error: StorageError) -> str | None:
    """The driver's own first line: it may name the bucket and the endpoint, so it is for the log alone."""
    lines = str(error.__cause__ or "").splitlines()
    return f"{type(error.__cause__).__name__}: {lines[0][:300]}" if lines else None
