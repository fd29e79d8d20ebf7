"""memory://: objects in this process; for tests and for trying things out."""

import hashlib
from datetime import UTC, datetime

from exceptions import AlreadyExists, ObjectMissing
from storage.base import Backend, ObjectInfo, Page, StoredObject, Upload
from storage.failures import check_size
from storage.keys import served_at


class MemoryBackend(Backend):
    """A dictionary."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._objects: dict[str, StoredObject] = {}

    async def put(self, upload: Upload) -> None:
        if upload.create_only and upload.key in self._objects:
            raise AlreadyExists("there is an object of that name already")
        etag = hashlib.sha256(upload.data).hexdigest()
        info = ObjectInfo(
            upload.key, len(upload.data), datetime.now(UTC), upload.content_type, upload.cache_control, etag
        )
        self._objects[upload.key] = StoredObject(info, upload.data)

    async def get(self, key: str, max_bytes: int) -> StoredObject:
        found = self._found(key)
        check_size(found.info.size, max_bytes)
        return found

    async def stat(self, key: str) -> ObjectInfo:
        return self._found(key).info

    async def delete(self, key: str) -> None:
        self._objects.pop(key, None)

    async def page(self, prefix: str, after: str) -> Page:
        folder = f"{prefix}/" if prefix else ""
        keys = sorted(key for key in self._objects if key.startswith(folder) and key > after)
        return Page([self._objects[key].info for key in keys], more=False)

    async def signed_url(self, key: str, seconds: int) -> str:
        return self.public_url(key)

    def public_url(self, key: str) -> str:
        return served_at(self._bucket, key)

    def _found(self, key: str) -> StoredObject:
        try:
            return self._objects[key]
        except KeyError:
            raise ObjectMissing("there is no such object") from None
