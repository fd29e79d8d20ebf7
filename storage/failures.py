"""The words in which every backend says what went wrong."""

from exceptions import PayloadTooLarge, StorageError, StorageUnavailable

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses worth another try."""


def check_size(size: int, max_bytes: int) -> None:
    """Raises PayloadTooLarge for an object over the limit."""
    if size > max_bytes:
        detail = f"the object has {size:,} bytes; the limit is {max_bytes:,}"
        raise PayloadTooLarge(detail, limit=max_bytes, actual=size)


def refused(status: int) -> StorageError:
    """The error for an HTTP status that a store answered and that no verb expects."""
    if status in PASSING or status >= 500:
        return StorageUnavailable(f"the store answered {status}", store_status=status)
    if status in (401, 403):
        return StorageError(f"the store refuses the service's credentials ({status})", store_status=status)
    return StorageError(f"the store answered {status}", store_status=status)


def unreachable() -> StorageUnavailable:
    """The error for a connection that was refused, cut or never came about."""
    return StorageUnavailable("the store cannot be reached")
