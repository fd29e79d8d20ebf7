"""Where originals lie: a store that is only read, and that is left alone for a moment about what it does not have."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from exceptions import ObjectMissing
from storage.base import ObjectInfo
from storage.keys import check_key
from storage.store import Store
from utils.memory_results import MemoryResults

MISSING_BYTES = 1 << 20
"""Of keys that are known to be missing."""


@dataclass(frozen=True, slots=True)
class Original:
    """One original, as it is just now."""

    key: str
    modified: datetime
    identity: str
    """Changes whenever its bytes do."""

    @property
    def digest(self) -> str:
        """What everything made of it is filed under."""
        return digest_of(self.key)


class Origin:
    """Originals by their keys; every verb may raise InvalidKey, StorageError."""

    def __init__(self, store: Store, max_bytes: int, missing_seconds: int) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._missing_seconds = missing_seconds
        self._missing = MemoryResults(MISSING_BYTES)

    async def find(self, key: str) -> Original:
        """What the store says of an original. Raises ObjectMissing, for some seconds without asking again."""
        if await self._missing.get(check_key(key)) is not None:
            raise ObjectMissing("there is no such image")
        try:
            info = await self._store.stat(key)
        except ObjectMissing:
            if self._missing_seconds:
                await self._missing.put(key, key.encode(), self._missing_seconds)
            raise ObjectMissing("there is no such image") from None
        return Original(key, info.modified.astimezone(UTC), _identity(info))

    async def read(self, original: Original) -> tuple[bytes, bool]:
        """Its bytes, and whether they are those that were found. Raises ObjectMissing, PayloadTooLarge."""
        found = await self._store.get(original.key, max_bytes=self._max_bytes)
        return found.data, _identity(found.info) == original.identity

    async def look_again(self, key: str) -> None:
        """Forget that there was no such original."""
        await self._missing.drop([check_key(key)])

    async def close(self) -> None:
        """Give back connections and threads."""
        await self._store.close()


def _identity(info: ObjectInfo) -> str:
    """The store's own tag where it has one; its spelling and that of times differ between what a store answers."""
    tag = info.etag.removeprefix("W/").strip('"') or info.modified.isoformat()
    return f"{tag} {info.size}"


def digest_of(*parts: str) -> str:
    """A name for texts, made of 32 hexadecimal digits."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
