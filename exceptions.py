"""Every way a request can fail, and the one table that turns each into an HTTP answer.

PareError
├── BadRequest               the request itself is malformed
│   ├── InvalidOptions       an option is unknown, ill-typed or out of range
│   └── InvalidKey           an object may not be called that
├── Unauthorized             a credential is wrong, or missing where one is required
├── TicketGone               an upload ticket is used up or has expired
├── BucketRefused            a bucket that the settings do not allow
├── SignatureRefused         an image's URL is unsigned, wrongly signed or past its time
├── PurgeRefused             a purge without its token
├── Missing                  nothing kept has that id, or it is another one's
├── RateLimited              too many calls
├── PayloadTooLarge          more bytes than MAX_FILE_SIZE_MB
├── UploadTimeout            the body took too long to arrive
├── UnknownFormat            not an image format that Pare knows
│   └── FormatRefused        not one that the upload ticket allows
├── UnprocessableImage       it claims to be an image and cannot be decoded
│   └── ImageLimitExceeded   too many pixels, frames, elements
├── UrlRefused               a URL that is not plain http(s), or leads to an address that is not public
├── SourceFailed             the server that a URL names cannot be reached or answered badly
│   └── SourceTimeout        it was too slow
├── NotFinished              it is still being worked on
├── ImageDeleted             it was deleted while it was being worked on
├── WrongState               what it is now does not allow that
├── JobFailed                it was tried and could not be done
├── Unavailable              the service is ending, or cannot do this at all just now
├── StorageError             an object store refused or answered badly
│   ├── StorageUnavailable   it cannot be reached or is not well: may pass by itself
│   ├── StorageTimeout       it was too slow
│   ├── ObjectMissing        there is no such object
│   └── AlreadyExists        there is one already, and it shall stay
├── Busy                     every slot and every place in the queue is taken, or no process to be had
└── ToolError                a tool gave no usable result
    ├── ToolTimeout          it was ended at its time limit
    ├── ToolMissing          it is not installed
    ├── ToolFlooded          it wrote more than it may
    ├── ToolKilled           the system took its process away, most likely for want of memory
    └── ToolCrashed          it exited with an error or by a fault of its own
"""

from typing import Any, NamedTuple


class PareError(Exception):
    """The root; `detail` is a sentence for the caller, `extensions` become problem+json members."""

    def __init__(self, detail: str, **extensions: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extensions = extensions


class BadRequest(PareError):
    """The request cannot be understood."""


class InvalidOptions(BadRequest):
    """An option is unknown, ill-typed or out of range; `errors` lists `{pointer, detail}`."""


class InvalidKey(BadRequest):
    """An object's key with traversal, empty parts, control characters, or too long."""


class BucketRefused(PareError):
    """The bucket is not among those that a request may name."""


class SignatureRefused(PareError):
    """An image's URL is not signed where it has to be, wrongly signed, or past its time."""


class PurgeRefused(PareError):
    """The token of a purge is wrong, missing or not set."""


class Missing(PareError):
    """Nothing that is kept has that id, or it belongs to somebody else."""


class Unauthorized(PareError):
    """A credential is wrong, or missing where one is required."""


class TicketGone(PareError):
    """An upload ticket is used up or has expired."""


class RateLimited(PareError):
    """Too many calls; `retry_after` in seconds."""


class PayloadTooLarge(PareError):
    """More bytes than the limit; `limit` and `actual` in bytes."""


class UploadTimeout(PareError):
    """The body did not arrive in time."""


class UnknownFormat(PareError):
    """No format recognises the first bytes."""


class FormatRefused(UnknownFormat):
    """An image format that the upload ticket does not allow."""


class UnprocessableImage(PareError):
    """The bytes claim a format and cannot be decoded as it."""


class ImageLimitExceeded(UnprocessableImage):
    """A well-formed image over a limit; `limit` and `actual` in the limit's own unit."""


class UrlRefused(PareError):
    """The URL is not fetched: its spelling, scheme or port, or an address behind it."""


class SourceFailed(PareError):
    """The URL's server cannot be reached or answered badly; `source_status` is its status where it gave one."""


class SourceTimeout(SourceFailed):
    """The URL's server did not deliver in time."""


class NotFinished(PareError):
    """It is still being worked on; `retry_after` in seconds."""


class ImageDeleted(PareError):
    """The image was deleted while it was being worked on."""


class WrongState(PareError):
    """What it is now does not allow that."""


class JobFailed(PareError):
    """It was tried and could not be done."""


class Unavailable(PareError):
    """The service is ending, or cannot do this at all just now."""


class StorageError(PareError):
    """An object store refused or answered badly; `store_status` is its status where it gave one."""


class StorageUnavailable(StorageError):
    """The store cannot be reached, is busy or failing: another try may help."""


class StorageTimeout(StorageError):
    """The store did not answer in time."""


class ObjectMissing(StorageError):
    """There is no object of that key."""


class AlreadyExists(StorageError):
    """There is an object of that key, and it was to be created only."""


class Busy(PareError):
    """No slot, no place in the queue or no process to be had; `retry_after` in seconds."""


class ToolError(PareError):
    """A tool gave no usable result; `kind` is the closed word that metrics and logs use."""

    kind = "failed"


class ToolTimeout(ToolError):
    """The tool was ended at its time limit."""

    kind = "timeout"


class ToolMissing(ToolError):
    """The tool is not installed."""

    kind = "missing"


class ToolFlooded(ToolError):
    """The tool was ended because it wrote more than it may."""

    kind = "flooded"


class ToolKilled(ToolError):
    """The system took the tool's process away: no fault of the picture, as far as anybody can tell."""

    kind = "killed"


class ToolCrashed(ToolError):
    """The tool exited with an error or by a fault of its own."""

    kind = "crashed"


class Status(NamedTuple):
    """The HTTP answer for one class of error."""

    status: int
    code: str
    title: str


STATUS: dict[type[PareError], Status] = {
    BadRequest: Status(400, "bad_request", "The request cannot be understood"),
    InvalidOptions: Status(400, "invalid_options", "An option is wrong"),
    InvalidKey: Status(400, "invalid_key", "The object may not be called that"),
    BucketRefused: Status(403, "bucket_refused", "The bucket is not allowed"),
    SignatureRefused: Status(403, "signature_refused", "The URL is not signed as it has to be"),
    PurgeRefused: Status(403, "purge_refused", "A purge needs its token"),
    Missing: Status(404, "missing", "There is nothing of that id"),
    Unauthorized: Status(401, "unauthorized", "A valid API key is needed"),
    TicketGone: Status(410, "ticket_gone", "The ticket is used up or has expired"),
    RateLimited: Status(429, "rate_limited", "Too many requests"),
    PayloadTooLarge: Status(413, "payload_too_large", "The file is too large"),
    UploadTimeout: Status(408, "upload_timeout", "The upload took too long"),
    UnknownFormat: Status(415, "unknown_format", "Not an image format that Pare knows"),
    FormatRefused: Status(415, "format_refused", "The ticket does not allow this format"),
    UnprocessableImage: Status(422, "undecodable_image", "The image cannot be decoded"),
    ImageLimitExceeded: Status(422, "image_limit_exceeded", "The image is over a limit"),
    UrlRefused: Status(422, "url_refused", "The URL is not fetched"),
    SourceFailed: Status(502, "source_failed", "The source answered badly"),
    SourceTimeout: Status(504, "source_timeout", "The source was too slow"),
    NotFinished: Status(409, "not_finished", "It is not finished yet"),
    ImageDeleted: Status(410, "image_deleted", "The image was deleted"),
    WrongState: Status(409, "wrong_state", "What it is now does not allow that"),
    JobFailed: Status(409, "job_failed", "It could not be done"),
    Unavailable: Status(503, "unavailable", "The service is not available"),
    StorageError: Status(502, "storage_failed", "The object store answered badly"),
    StorageTimeout: Status(504, "storage_timeout", "The object store was too slow"),
    ObjectMissing: Status(404, "object_missing", "There is no such object"),
    AlreadyExists: Status(409, "already_exists", "There is an object of that name already"),
    Busy: Status(503, "busy", "Every slot is taken"),
    ToolTimeout: Status(504, "tool_timeout", "A tool was too slow"),
    ToolMissing: Status(503, "tool_missing", "A tool is not installed"),
    ToolKilled: Status(503, "tool_killed", "The service ran short of memory"),
    ToolFlooded: Status(422, "undecodable_image", "The image cannot be decoded"),
    ToolCrashed: Status(422, "undecodable_image", "The image cannot be decoded"),
}


def status_of(error: PareError) -> Status:
    """The row of the nearest class in the error's own line of ancestors."""
    return next(STATUS[cls] for cls in type(error).__mro__ if cls in STATUS)
