"""The `storage` option: the result goes into a store, and the caller gets its address."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from fastapi import Response

from exceptions import StorageError, Unauthorized, status_of
from optimizers.outcome import Outcome
from routers.accept import prefers
from routers.answers import image_answer, receipt, receipt_answer
from routers.deps import Services
from routers.intake import Upload
from schemas import StorageOptions, StoredReceipt, to_json
from security.auth import Caller
from storage.keys import expand
from storage.store import Store

IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Destination:
    """A store that the caller may write to, and how the result shall be called there."""

    store: Store
    options: StorageOptions
    seconds: int
    """How long the signed URL answers."""


def resolve(upload: Upload, parts: Services, who: Caller) -> Destination:
    """The destination, judged before any work. Raises Unauthorized, BucketRefused, InvalidKey."""
    options = upload.storage
    assert options
    # By its own hash in the default bucket, a stranger's result overwrites nothing.
    open_to_all = options == StorageOptions() and not parts.settings.require_auth
    if parts.gate.keys and not who.authenticated and not open_to_all:
        raise Unauthorized("storing needs an API key, but by hash where everybody may call")
    expand(options.path, digest=64 * "0", filename=upload.source.filename, extension="ext")
    store = parts.stores.named(options.provider, options.bucket)
    return Destination(store, options, parts.settings.storage_signed_url_seconds)


async def stored_answer(
    outcome: Outcome, destination: Destination, accept: str, told: Callable[..., Response] = receipt_answer
) -> Response:
    """The receipt of a stored result. Raises StorageError with the receipt, so that the result is not lost silently."""
    started = time.perf_counter()
    try:
        stored = await _stored(outcome, destination)
    except StorageError as error:
        if prefers(accept, "image/*", over="application/json"):
            return _bytes_nevertheless(outcome, error)
        raise type(error)(error.detail, **error.extensions, receipt=to_json(receipt(outcome))) from error
    spans = outcome.spans | {"store": (time.perf_counter() - started) * 1000}
    return told(replace(outcome, spans=spans), stored)


async def _stored(outcome: Outcome, destination: Destination) -> StoredReceipt:
    store, options = destination.store, destination.options
    key = expand(
        options.path,
        digest=hashlib.sha256(outcome.data).hexdigest(),
        filename=outcome.source.filename,
        extension=outcome.made.extensions[0],
    )
    # A name that changes with the bytes may be kept for ever.
    cache_control = IMMUTABLE if "{hash}" in options.path else ""
    await store.put(key, outcome.data, content_type=outcome.made.mime, cache_control=cache_control)
    url = await store.signed_url(key, seconds=destination.seconds)
    return StoredReceipt(path=key, url=url, public_url=store.public_url(key) if options.public else None)


def _bytes_nevertheless(outcome: Outcome, error: StorageError) -> Response:
    answer = image_answer(outcome)
    row = status_of(error)
    answer.status_code = row.status
    answer.headers["X-Storage-Error"] = row.code
    answer.headers["Cache-Control"] = "no-store"
    return answer
