"""s3://: AWS, MinIO, R2, Supabase's S3 endpoint, by obstore."""

import contextlib
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from exceptions import AlreadyExists, ObjectMissing, StorageError
from storage.base import Backend, ObjectInfo, Page, StoredObject, Upload
from storage.failures import check_size, refused, unreachable
from storage.keys import quoted
from storage.options import S3Options

if TYPE_CHECKING:
    from obstore import GetResult, ObjectMeta
    from obstore.store import ClientConfig, S3Config

PAGE = 1000
STATUS = re.compile(r"status code: (\d{3})")


class S3Backend(Backend):
    """One bucket by obstore, which signs; trying again is the port's business."""

    def __init__(self, bucket: str, options: S3Options, seconds: float) -> None:
        import obstore
        from obstore.store import S3Store

        self._obstore = obstore
        self._address = _address(bucket, options)
        client: ClientConfig = {"allow_http": True, "timeout": timedelta(seconds=seconds)}
        self._store = S3Store(
            bucket, config=_config(self._address, options), client_options=client, retry_config={"max_retries": 0}
        )

    async def put(self, upload: Upload) -> None:
        attributes: Any = {"Content-Type": upload.content_type}
        if upload.cache_control:
            attributes["Cache-Control"] = upload.cache_control
        with _translated():
            # One request whatever the size: a part of a broken multipart upload would stay and cost.
            await self._obstore.put_async(
                self._store,
                upload.key,
                upload.data,
                attributes=attributes,
                mode="create" if upload.create_only else "overwrite",
                use_multipart=False,
            )

    async def get(self, key: str, max_bytes: int) -> StoredObject:
        with _translated():
            found = await self._obstore.get_async(self._store, key)
            check_size(found.meta["size"], max_bytes)
            return StoredObject(_info(found), bytes(await found.bytes_async()))

    async def stat(self, key: str) -> ObjectInfo:
        with _translated():
            return _info(await self._obstore.get_async(self._store, key, options={"head": True}))

    async def delete(self, key: str) -> None:
        with contextlib.suppress(ObjectMissing), _translated():
            await self._obstore.delete_async(self._store, key)

    async def page(self, prefix: str, after: str) -> Page:
        listing = self._obstore.list(self._store, prefix or None, offset=after or None, chunk_size=PAGE)
        with _translated():
            try:
                found = await anext(listing)
            except StopAsyncIteration:
                return Page([], more=False)
        return Page([_listed(meta) for meta in found], more=len(found) == PAGE)

    async def signed_url(self, key: str, seconds: int) -> str:
        with _translated():
            return await self._obstore.sign_async(self._store, "GET", key, timedelta(seconds=seconds))

    def public_url(self, key: str) -> str:
        return f"{self._address}/{quoted(key)}"


def _address(bucket: str, options: S3Options) -> str:
    """The bucket's own address: its name in the path, or before the host's."""
    endpoint = urlsplit(options.endpoint.rstrip("/") or f"https://s3.{options.region}.amazonaws.com")
    if options.path_style:
        return f"{endpoint.geturl()}/{bucket}"
    return endpoint._replace(netloc=f"{bucket}.{endpoint.netloc}").geturl()


def _config(address: str, options: S3Options) -> "S3Config":
    config: dict[str, Any] = {
        # obstore adds the bucket's name to the path by itself.
        "endpoint": address.rpartition("/")[0] if options.path_style else address,
        "virtual_hosted_style_request": not options.path_style,
        "region": options.region,
        "access_key_id": options.access_key_id,
        "secret_access_key": options.secret_access_key,
        "server_side_encryption": options.encryption,
        "sse_kms_key_id": options.kms_key_id,
        # Not every compatible service deletes in bulk; here objects are deleted one by one.
        "disable_bulk_delete": True,
    }
    return cast("S3Config", {name: value for name, value in config.items() if value != ""})


def _info(found: "GetResult") -> ObjectInfo:
    meta, attributes = found.meta, found.attributes
    return ObjectInfo(
        meta["path"],
        meta["size"],
        meta["last_modified"],
        attributes.get("Content-Type", ""),
        attributes.get("Cache-Control", ""),
        meta["e_tag"] or "",
    )


def _listed(meta: "ObjectMeta") -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"], etag=meta["e_tag"] or "")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    from obstore import exceptions as theirs

    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissing("there is no such object") from error
    except theirs.AlreadyExistsError:
        raise AlreadyExists("there is an object of that name already") from None
    except theirs.InvalidPathError as error:
        raise StorageError("the bucket has an object of a name that cannot be asked for") from error
    except theirs.BaseError as error:
        raise _failure(error) from error


def _failure(error: Exception) -> StorageError:
    """obstore tells a status in its message alone; a message without one is of a connection."""
    status = STATUS.search(str(error))
    return refused(int(status[1])) if status else unreachable()
