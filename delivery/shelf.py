"""The second layer: variants in a bucket, a folder for each original, for longer than Redis has room."""

from collections.abc import Sequence

from exceptions import ObjectMissing, PareError
from storage.base import DEFAULT_TYPE
from storage.store import Store
from utils.metrics import CACHE_REQUESTS

LAYER = "bucket"
MOST_BYTES = 128 << 20
"""Of one variant; more is nothing that was put there."""


class Shelf:
    """Packed variants by `DIGEST:IDENTITY:CANONICAL`; a bucket that fails costs work, never an answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, key: str) -> bytes | None:
        """What was put there."""
        try:
            found = (await self._store.get(_path(key), max_bytes=MOST_BYTES)).data
        except ObjectMissing:
            return self._counted("miss", None)
        except PareError:
            return self._counted("failed", None)
        return self._counted("hit", found)

    async def put(self, key: str, data: bytes) -> bool:
        """Keep a variant; whether that worked."""
        try:
            await self._store.put(_path(key), data, content_type=DEFAULT_TYPE)
        except PareError:
            return False
        return True

    async def keys(self, digest: str) -> list[str]:
        """Every variant of an original. Raises StorageError."""
        return [info.key.replace("/", ":") async for info in self._store.list(digest)]

    async def drop(self, keys: Sequence[str]) -> None:
        """Remove these. Raises StorageError."""
        for key in keys:
            await self._store.delete(_path(key))

    async def close(self) -> None:
        """Give back connections and threads."""
        await self._store.close()

    def _counted(self, result: str, found: bytes | None) -> bytes | None:
        CACHE_REQUESTS.labels(LAYER, result).inc()
        return found


def _path(key: str) -> str:
    return key.replace(":", "/")
