"""What a store's backend is: the values that pass through it and the few verbs that each driver gives them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

DEFAULT_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of one object; a listing may leave type, cache control and etag empty."""

    key: str
    size: int
    modified: datetime
    content_type: str = ""
    cache_control: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object and its bytes."""

    info: ObjectInfo
    data: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """One object to be written; with `create_only` never over another."""

    key: str
    data: bytes
    content_type: str
    cache_control: str = ""
    create_only: bool = False


class Page(NamedTuple):
    """Some of a listing, in key order, and whether more may follow."""

    objects: Sequence[ObjectInfo]
    more: bool


class Backend(ABC):
    """One bucket behind one driver. Keys are checked already; nothing is tried twice here.

    Each verb raises ObjectMissing, AlreadyExists, StorageUnavailable for what may pass by itself, else StorageError.
    """

    @abstractmethod
    async def put(self, upload: Upload) -> None:
        """Write it whole or not at all."""

    @abstractmethod
    async def get(self, key: str, max_bytes: int) -> StoredObject:
        """Read it. Raises PayloadTooLarge, before the bytes are read, for one that is larger."""

    @abstractmethod
    async def stat(self, key: str) -> ObjectInfo:
        """Describe it."""

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Remove it; one that is missing is as good as removed."""

    @abstractmethod
    async def page(self, prefix: str, after: str) -> Page:
        """Objects in the folder `prefix` at any depth (empty: all) whose keys come after `after`."""

    @abstractmethod
    async def signed_url(self, key: str, seconds: int) -> str:
        """An address at which anybody may read it for so long; where everything is public, its public one."""

    @abstractmethod
    def public_url(self, key: str) -> str:
        """Its address without a signature: it answers where the bucket lets anybody read."""

    async def close(self) -> None:  # noqa: B027 - most have nothing to give back
        """Give back connections and threads."""
