"""Every call as a value: what is sent, and how the answer is read. Both clients send the same ones."""

import json
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from os import PathLike
from pathlib import Path
from typing import Any, Generic, Literal, TypedDict, TypeVar
from urllib.parse import quote

import httpx

from pare_client.errors import ApiError
from pare_client.models import Estimate, Health, Job, JobResult, Optimized, Receipt, Ticket, Upload
from pare_client.retries import seconds_of

T = TypeVar("T")
Image = bytes | str | PathLike[str]
"""The bytes, or where the file lies."""
JOBS = "/api/v1/images"


class Wishes(TypedDict, total=False):
    """Options of `optimize` and `estimate`; what is left out is the service's default."""

    quality: int | Literal["auto"]
    lossless: bool
    min_score: float
    max_bytes: int
    format: str
    metadata: Literal["safe", "none", "all"]
    effort: Literal["fast", "balanced", "best"]


class Storage(TypedDict, total=False):
    """Where a result is put."""

    provider: Literal["gcs", "s3", "supabase", "local"]
    bucket: str
    path: str
    public: bool


class Terms(TypedDict, total=False):
    """What a ticket allows."""

    max_bytes: int
    formats: list[str]
    optimization: Wishes
    expires_in: int
    uses: int


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and the reading of its answer."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else httpx is given."""
    repeatable: bool = True
    """Whether it may be sent again when nobody knows if it arrived."""


def optimize(image: Image | None, url: str | None, wishes: Wishes) -> Call[Optimized]:
    """The image comes back."""
    headers = {"Accept": "image/*"}
    return Call("POST", "/optimize", _optimized, {**_body(image, url, {"optimization": wishes}), "headers": headers})


def store(image: Image | None, url: str | None, storage: Storage, wishes: Wishes) -> Call[Receipt]:
    """The image goes into a store."""
    options = {"optimization": wishes, "storage": storage}
    return Call("POST", "/optimize", lambda answer: Receipt.of(answer.json()), _body(image, url, options))


def estimate(image: Image | None, url: str | None, wishes: Wishes) -> Call[Estimate]:
    """What would be left."""
    more = _body(image, url, {"optimization": wishes})
    return Call("POST", "/estimate", lambda answer: Estimate.of(answer.json()), more)


def compress(image: Image, quality: int | None, background: str | None) -> Call[Optimized]:
    """A JPEG comes back."""
    headers = {"Content-Type": "application/octet-stream"}
    headers |= {} if quality is None else {"X-Compression-Quality": str(quality)}
    params = {} if background is None else {"background": background}
    return Call("POST", "/compress", _optimized, {"content": _read(image)[1], "headers": headers, "params": params})


def health() -> Call[Health]:
    """What works."""
    return Call("GET", "/health", lambda answer: Health.of(answer.json()))


def ticket(terms: Terms) -> Call[Ticket]:
    """A new ticket."""
    return Call("POST", "/tickets", lambda answer: _only(Ticket, answer.json()), {"json": terms})


def upload(image: Image, bucket: str, metadata: Mapping[str, Any] | None, callback_url: str | None) -> Call[Upload]:
    """An image for the library; a second one of the same is another image."""
    form = {"bucket": bucket}
    form |= {} if metadata is None else {"metadata": json.dumps(metadata)}
    form |= {} if callback_url is None else {"callback_url": callback_url}
    more = {"files": {"file": _part(image)}, "data": form}
    return Call("POST", f"{JOBS}/upload", lambda answer: _only(Upload, answer.json()), more, repeatable=False)


def job(job_id: str) -> Call[Job]:
    """How far a job is."""
    return Call("GET", f"{JOBS}/jobs/{quote(job_id, safe='')}", lambda answer: Job.of(answer.json()))


def result(job_id: str) -> Call[JobResult]:
    """What a job has made."""
    return Call("GET", f"{JOBS}/jobs/{quote(job_id, safe='')}/result", lambda answer: JobResult.of(answer.json()))


def problem_of(answer: httpx.Response) -> ApiError:
    """What an answer that is no success says; not every proxy in between speaks JSON."""
    try:
        said = answer.json()
    except ValueError:
        said = {}
    problem = said if isinstance(said, dict) else {}
    detail = {"detail": answer.text[:200]} if not problem else {}
    return ApiError(answer.status_code, {**detail, **problem}, seconds_of(answer.headers.get("retry-after")))


def _body(image: Image | None, url: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    if (image is None) == (url is None):
        raise TypeError("either an image or a url")
    given = {name: value for name, value in options.items() if value or name == "storage"}
    if image is None:
        return {"json": {"url": url, **given}}
    return {"files": {"file": _part(image)}, "data": {"options": json.dumps(given)} if given else {}}


def _part(image: Image) -> tuple[str, bytes, str]:
    name, data = _read(image)
    return name, data, mimetypes.guess_type(name)[0] or "application/octet-stream"


def _read(image: Image) -> tuple[str, bytes]:
    if isinstance(image, bytes):
        return "image", image
    return Path(image).name, Path(image).read_bytes()


def _only(model: type[T], said: Mapping[str, Any]) -> T:
    """Of a JSON document what the model knows."""
    return model(**{name: said[name] for name in model.__dataclass_fields__})  # type: ignore[attr-defined]


def _optimized(answer: httpx.Response) -> Optimized:
    headers = answer.headers
    score = headers.get("x-quality-score", "").partition("=")[2]
    quality = headers.get("x-quality-used")
    disposition = Message()
    disposition["Content-Disposition"] = headers.get("content-disposition", "")
    return Optimized(
        answer.content,
        headers["content-type"],
        disposition.get_filename(),
        int(headers["x-original-size"]),
        int(headers["x-optimized-size"]),
        float(headers["x-reduction-percent"]),
        headers["x-original-format"],
        headers["x-optimized-format"],
        headers["x-optimization-method"],
        headers["x-optimization-reason"],
        int(headers["image-width"]),
        int(headers["image-height"]),
        int(quality) if quality else None,
        float(score) if score else None,
        tuple(filter(None, headers.get("x-metadata-removed", "").split(", "))),
        dict(headers),
    )
