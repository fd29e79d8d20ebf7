"""The library's objects: put under names that only one asset can have, deleted once no row needs them."""

from typing import NamedTuple

from library.database import Database
from library.repository import removals
from storage.store import Store
from storage.stores import Stores

IMMUTABLE = "public, max-age=31536000, immutable"
AT_ONCE = 100


class Place(NamedTuple):
    """An object: a bucket as `Stores.folder` takes it (empty for the default store), and a key."""

    bucket: str
    key: str


class Objects:
    """Reads, writes and deletes objects by their places; every verb may raise StorageError."""

    def __init__(self, stores: Stores, database: Database, url_seconds: int) -> None:
        self._stores = stores
        self._database = database
        self._url_seconds = url_seconds

    def store(self, bucket: str) -> Store:
        """The store of a bucket. Raises InvalidKey for what is no bucket's name."""
        return self._stores.folder(bucket) if bucket else self._stores.default

    async def put(self, place: Place, data: bytes, mime: str) -> None:
        """Write it, for ever: no other bytes will have that name."""
        await self.store(place.bucket).put(place.key, data, content_type=mime, cache_control=IMMUTABLE)

    async def get(self, place: Place, max_bytes: int) -> bytes:
        """Its bytes. Raises ObjectMissing."""
        return (await self.store(place.bucket).get(place.key, max_bytes=max_bytes)).data

    async def url(self, place: Place) -> str:
        """An address at which anybody may read it, where the store signs them for a while."""
        return await self.store(place.bucket).signed_url(place.key, seconds=self._url_seconds)

    async def sweep_removed(self) -> int:
        """Delete what no row needs any more; how many there were. What fails is tried again by the next call."""
        async with self._database.reading() as session:
            due = await removals.due(session, AT_ONCE)
        for removal in due:
            await self.store(removal.bucket).delete(removal.object_key)
        if due:
            async with self._database.writing() as session:
                await removals.done(session, [removal.id for removal in due])
        return len(due)
