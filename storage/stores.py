"""Stores by their URLs: `file://`, `memory://`, `s3://bucket`, `gs://bucket`, `supabase://bucket`."""

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from exceptions import BucketRefused, InvalidKey, ObjectMissing
from storage.base import Backend
from storage.options import StoreOptions
from storage.store import Store

DEFAULT_BUCKET = "pare"
"""The bucket of a folder or of memory where nobody names one."""
PROVIDERS = {"local": "file", "memory": "memory", "s3": "s3", "gcs": "gs", "supabase": "supabase"}
"""What a request calls a scheme."""
SERVED_HERE = ("file", "memory")
LOOK_SECONDS = 15.0
BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,221}")
"""Every store's names at once; none leaves its place in a path or a host."""


class Location(NamedTuple):
    """Where a store is: a bucket and a folder in it; for `file` a folder, and the bucket that it is served as."""

    scheme: str
    bucket: str
    folder: str


def locate(url: str, served_as: str = DEFAULT_BUCKET) -> Location:
    """The location that a URL names. Raises ValueError with a sentence."""
    scheme, _, rest = url.partition("://")
    if scheme not in PROVIDERS.values() or "://" not in url:
        raise ValueError(f"a store's URL begins with one of {', '.join(f'{name}://' for name in PROVIDERS.values())}")
    if scheme == "file":
        if not rest:
            raise ValueError("file:// needs a folder")
        return Location(scheme, served_as, unquote(rest))
    bucket, _, folder = rest.partition("/")
    if scheme == "memory":
        bucket = bucket or DEFAULT_BUCKET
    if not BUCKET.fullmatch(bucket):
        raise ValueError(f"{scheme}:// needs a bucket's name")
    return Location(scheme, bucket, unquote(folder).strip("/"))


def open_store(url: str, options: StoreOptions, *, served_as: str = DEFAULT_BUCKET, public_base: str = "") -> Store:
    """The store that a URL names; its driver is imported now, and nothing is asked of it yet. Raises ValueError."""
    location = locate(url, served_as)
    folder = "" if location.scheme == "file" else location.folder
    return Store(_backend(location, options), options.retry, folder=folder, public_base=public_base)


def _backend(location: Location, options: StoreOptions) -> Backend:
    seconds = options.retry.one_try
    match location.scheme:
        case "s3":
            from storage.s3 import S3Backend

            return S3Backend(location.bucket, options.s3, seconds)
        case "gs":
            from storage.gcs import GcsBackend

            return GcsBackend(location.bucket, options.gcs, seconds)
        case "supabase":
            from storage.supabase import SupabaseBackend

            return SupabaseBackend(location.bucket, options.supabase, seconds)
        case "memory":
            from storage.memory import MemoryBackend

            return MemoryBackend(location.bucket)
    from storage.local import LocalBackend

    return LocalBackend(Path(location.folder), location.bucket)


class Stores:
    """The default store, and those of other buckets that a request may name; each is opened once.

    `allowed` has names of buckets beside the default one, or `gs://bucket` for another provider's. A local bucket is
    a folder in the local store's own.
    """

    def __init__(self, url: str, options: StoreOptions, allowed: Sequence[str] = (), public_base: str = "") -> None:
        self._url = url if url.endswith("://") else url.rstrip("/")
        self._options = options
        self._public_base = public_base
        self._home = locate(url)[:2]
        self._allowed = {self._place(entry) for entry in allowed} | {self._home}
        self._open: dict[tuple[str, str], Store] = {}
        self._answers = False
        self._look_again_at = 0.0

    @property
    def default(self) -> Store:
        """The store where a request names none."""
        return self._at(*self._home)

    def named(self, provider: str | None = None, bucket: str | None = None) -> Store:
        """The store of a provider's bucket. Raises BucketRefused for one that is not allowed."""
        home_scheme, home_bucket = self._home
        scheme = PROVIDERS.get(provider, "") if provider else home_scheme
        name = bucket or (home_bucket if scheme == home_scheme else "")
        if (scheme, name) not in self._allowed:
            raise BucketRefused("the bucket is not among those that this service may write to")
        return self._at(scheme, name)

    def folder(self, bucket: str) -> Store:
        """The bucket of that name where it is allowed, else a folder of the default bucket that is called so.

        Raises InvalidKey for what no bucket may be called.
        """
        if not BUCKET.fullmatch(bucket):
            raise InvalidKey("a bucket's name has letters, digits, `.`, `_` and `-`, and begins with one of the former")
        scheme, home = self._home
        if (scheme, bucket) in self._allowed:
            return self._at(scheme, bucket)
        if scheme != "file":
            return self.default.within(bucket)
        base = f"{self._public_base}/{bucket}" if self._public_base else ""
        return open_store(f"{self._address(scheme, home)}/{bucket}", self._options, served_as=bucket, public_base=base)

    def served(self, bucket: str) -> Store:
        """The store of a bucket that this service itself serves, or a folder of the default one by its name.

        Raises ObjectMissing where there is none.
        """
        for scheme in SERVED_HERE:
            if (scheme, bucket) in self._allowed:
                return self._at(scheme, bucket)
        if self._home[0] == "file" and BUCKET.fullmatch(bucket):
            return self.folder(bucket)
        raise ObjectMissing("there is no such object")

    async def default_answers(self) -> bool:
        """Whether the default store answers; looked at now and then, however often it is asked."""
        if time.monotonic() >= self._look_again_at:
            self._answers = await self.default.answers()
            self._look_again_at = time.monotonic() + LOOK_SECONDS
        return self._answers

    async def close(self) -> None:
        """Close every store that was opened."""
        for store in self._open.values():
            await store.close()

    def _place(self, entry: str) -> tuple[str, str]:
        scheme, separator, name = entry.rpartition("://")
        if not BUCKET.fullmatch(name) or (separator and scheme not in PROVIDERS.values()):
            raise ValueError(f"{entry!r} is not a bucket")
        return scheme or self._home[0], name

    def _at(self, scheme: str, bucket: str) -> Store:
        place = (scheme, bucket)
        if place not in self._open:
            base = self._public_base if place == self._home else ""
            url = self._address(scheme, bucket)
            self._open[place] = open_store(url, self._options, served_as=bucket, public_base=base)
        return self._open[place]

    def _address(self, scheme: str, bucket: str) -> str:
        if scheme == "file":
            root = self._url if self._home[0] == "file" else f"file://{quote(str(self._options.folder))}"
            return f"{root}/{bucket}"
        return self._url if (scheme, bucket) == self._home else f"{scheme}://{bucket}"
