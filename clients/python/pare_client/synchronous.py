"""The client for programs without an event loop."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

import httpx

from pare_client import calls
from pare_client.calls import Call, Image, Storage, Terms, Wishes
from pare_client.errors import Failed, TookTooLong, Unreachable
from pare_client.models import Estimate, Health, Job, JobResult, Optimized, Receipt, Ticket, Upload
from pare_client.retries import BUSY, PATIENT, Retries

T = TypeVar("T")


class Client:
    """`Client("http://localhost:8080", key="…")`; `token` is the JWT of /api/v1, which takes no key."""

    def __init__(
        self,
        base_url: str,
        *,
        key: str = "",
        token: str = "",
        timeout: float = 90.0,
        retries: Retries = PATIENT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        """Before the addresses that the service tells without its own, as it does of objects in a folder."""
        self._http = httpx.Client(base_url=base_url, timeout=timeout, transport=transport)
        self._credentials = {"/api/": token, "": key}
        self._retries = retries

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def optimize(self, image: Image | None = None, *, url: str | None = None, **wishes: Unpack[Wishes]) -> Optimized:
        """The same picture in fewer bytes. Raises ApiError, Unreachable."""
        return self._send(calls.optimize(image, url, wishes))

    def store(
        self,
        image: Image | None = None,
        *,
        url: str | None = None,
        storage: Storage | None = None,
        **wishes: Unpack[Wishes],
    ) -> Receipt:
        """The same, put into a store (by default the service's own, by hash). Raises ApiError, Unreachable."""
        return self._send(calls.store(image, url, storage or {}, wishes))

    def estimate(self, image: Image | None = None, *, url: str | None = None, **wishes: Unpack[Wishes]) -> Estimate:
        """What `optimize` would leave, without doing it. Raises ApiError, Unreachable."""
        return self._send(calls.estimate(image, url, wishes))

    def compress(self, image: Image, *, quality: int | None = None, background: str | None = None) -> Optimized:
        """Any image as a JPEG. Raises ApiError, Unreachable."""
        return self._send(calls.compress(image, quality, background))

    def health(self) -> Health:
        """What works there. Raises ApiError, Unreachable."""
        return self._send(calls.health())

    def ticket(self, **terms: Unpack[Terms]) -> Ticket:
        """What lets a browser send an image without a key. Raises ApiError, Unreachable."""
        return self._send(calls.ticket(terms))

    def upload_image(
        self,
        image: Image,
        bucket: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        callback_url: str | None = None,
    ) -> Upload:
        """Hand an image to the library, which works on it by and by. Raises ApiError, Unreachable."""
        return self._send(calls.upload(image, bucket, metadata, callback_url))

    def job(self, job_id: str) -> Job:
        """How far a job is. Raises ApiError, Unreachable."""
        return self._send(calls.job(job_id))

    def result(self, job_id: str) -> JobResult:
        """What a job has made; while it runs, that is a refusal (409). Raises ApiError, Unreachable."""
        return self._send(calls.result(job_id))

    def poll_until_complete(self, job_id: str, *, timeout: float = 300.0, interval: float = 1.0) -> JobResult:
        """What a job has made, once it has. Raises Failed, TookTooLong, ApiError, Unreachable."""
        deadline = time.monotonic() + timeout
        while not (found := self.job(job_id)).done:
            if time.monotonic() + interval > deadline:
                raise TookTooLong(f"job {job_id} is still {found.status} after {timeout:g} s")
            time.sleep(interval)
        if found.status == "failed":
            raise Failed(found.error or "the job failed")
        return self.result(job_id)

    def _send(self, call: Call[T]) -> T:
        made = 0
        while True:
            made += 1
            try:
                answer = self._http.send(self._request(call))
            except httpx.TransportError as error:
                arrived = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                pause = None if arrived and not call.repeatable else self._retries.pause(made, None)
                if pause is None:
                    raise Unreachable(f"{call.method} {call.path}: {error}") from error
            else:
                if answer.is_success:
                    return call.read(answer)
                problem = calls.problem_of(answer)
                pause = self._retries.pause(made, problem.retry_after) if answer.status_code in BUSY else None
                if pause is None:
                    raise problem
            time.sleep(pause)

    def _request(self, call: Call[Any]) -> httpx.Request:
        """With the credential of the path, and no other."""
        request = self._http.build_request(call.method, call.path, **call.more)
        credential = next(value for prefix, value in self._credentials.items() if call.path.startswith(prefix))
        if credential:
            request.headers["Authorization"] = f"Bearer {credential}"
        return request
