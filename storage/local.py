"""file://: a folder. Objects are plain files; type and cache control lie beside, under `.pare`."""

import asyncio
import contextlib
import errno
import json
import mimetypes
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from exceptions import AlreadyExists, InvalidKey, ObjectMissing, StorageError
from storage.base import DEFAULT_TYPE, Backend, ObjectInfo, Page, StoredObject, Upload
from storage.failures import check_size
from storage.keys import served_at

OWN = ".pare"
"""The folder of attributes and unfinished files; no key may enter it."""
MISSING = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
TAKEN = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY}


class LocalBackend(Backend):
    """A folder, in a thread: disks are slow at times, and network disks hang.

    The folder may have been filled by others: what they put there has the type that its name says.
    """

    def __init__(self, folder: Path, bucket: str) -> None:
        self._folder = folder.resolve()
        self._bucket = bucket

    async def put(self, upload: Upload) -> None:
        await asyncio.to_thread(self._put, upload)

    async def get(self, key: str, max_bytes: int) -> StoredObject:
        return await asyncio.to_thread(self._get, key, max_bytes)

    async def stat(self, key: str) -> ObjectInfo:
        return await asyncio.to_thread(self._stat, key)

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._delete, key)

    async def page(self, prefix: str, after: str) -> Page:
        return await asyncio.to_thread(self._page, prefix, after)

    async def signed_url(self, key: str, seconds: int) -> str:
        return self.public_url(key)

    def public_url(self, key: str) -> str:
        return served_at(self._bucket, key)

    def _put(self, upload: Upload) -> None:
        attributes = {"content_type": upload.content_type, "cache_control": upload.cache_control}
        with _storing():
            self._write(self._path(upload.key), upload.data, create_only=upload.create_only)
            self._write(self._attributes_path(upload.key), json.dumps(attributes).encode(), create_only=False)

    def _write(self, path: Path, data: bytes, *, create_only: bool) -> None:
        """All of it under its name at once, or nothing."""
        unfinished = self._folder / OWN / "unfinished" / secrets.token_hex(16)
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unfinished.write_bytes(data)
            # A link refuses where there is a file already, a rename takes its place.
            os.link(unfinished, path) if create_only else os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)

    def _get(self, key: str, max_bytes: int) -> StoredObject:
        with _reading(), self._file(key).open("rb") as file:
            info = self._info(key, os.fstat(file.fileno()))
            check_size(info.size, max_bytes)
            return StoredObject(info, file.read(info.size))

    def _stat(self, key: str) -> ObjectInfo:
        with _reading():
            return self._info(key, self._file(key).stat())

    def _delete(self, key: str) -> None:
        with contextlib.suppress(ObjectMissing), _reading():
            self._path(key).unlink()
        with contextlib.suppress(ObjectMissing), _reading():
            self._attributes_path(key).unlink()

    def _page(self, prefix: str, after: str) -> Page:
        with _reading():
            keys = sorted(key for key in self._keys(prefix) if key > after)
        found = []
        for key in keys:
            with contextlib.suppress(ObjectMissing):  # deleted meanwhile
                found.append(self._stat(key))
        return Page(found, more=False)

    def _keys(self, prefix: str) -> Iterator[str]:
        start = self._path(prefix) if prefix else self._folder
        for folder, folders, files in os.walk(start):
            if Path(folder) == self._folder:
                folders[:] = [name for name in folders if name != OWN]
            for name in files:
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink():
                    yield path.relative_to(self._folder).as_posix()

    def _info(self, key: str, found: os.stat_result) -> ObjectInfo:
        content_type, cache_control = self._attributes(key)
        etag = f"{found.st_mtime_ns:x}-{found.st_size:x}"
        modified = datetime.fromtimestamp(found.st_mtime, UTC)
        return ObjectInfo(key, found.st_size, modified, content_type, cache_control, etag)

    def _attributes(self, key: str) -> tuple[str, str]:
        """Type and cache control as they were given; where there are none, or spoilt ones, as the name has it."""
        try:
            kept = json.loads(self._attributes_path(key).read_bytes())
            return str(kept["content_type"]), str(kept["cache_control"])
        except (OSError, ValueError, TypeError, KeyError):
            return mimetypes.guess_type(key, strict=False)[0] or DEFAULT_TYPE, ""

    def _attributes_path(self, key: str) -> Path:
        return self._folder / OWN / "attributes" / key

    def _file(self, key: str) -> Path:
        path = self._path(key)
        if not path.is_file():  # a pipe would be waited for
            raise ObjectMissing("there is no such object")
        return path

    def _path(self, key: str) -> Path:
        """The object's file. Raises InvalidKey where a symbolic link leads out of the folder."""
        if key.split("/")[0] == OWN:
            raise InvalidKey(f"a key may not begin with {OWN}")
        path = self._folder / key
        # Parts are compared, not letters: a folder beside this one may have a name that begins like this one's.
        if not path.resolve().is_relative_to(self._folder):
            raise InvalidKey("the key leads out of the folder")
        return path


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in MISSING:
            raise ObjectMissing("there is no such object") from None
        raise StorageError("the folder cannot be read") from error


@contextlib.contextmanager
def _storing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in TAKEN:
            raise AlreadyExists("there is an object, or a folder, of that name already") from None
        raise StorageError("the folder cannot be written") from error
