"""The library's routes as the API's document has them, for clients that shall be tested without a worker."""

import re
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any

import httpx

JOB, IMAGE, TOKEN = "3f2c8f0e-9d6e-4f0a-8a52-0c5a3f1b7e11", "9a1d2c3b-5e4f-4a6b-8c7d-1e2f3a4b5c6d", "jwt"
SIZES = {"thumbnail": 150, "medium": 600, "large": 1200, "original": 1600}


@dataclass
class JobsApi:
    """Answers one upload, then its job: each look at it brings the next state."""

    states: list[str] = field(default_factory=lambda: ["pending", "processing", "completed"])
    form: dict[str, bytes] = field(default_factory=dict)
    refusals: list[httpx.Response] = field(default_factory=list)
    """Said before anything else, each once."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "unauthorized")
        if self.refusals:
            return self.refusals.pop(0)
        match request.method, request.url.path:
            case "POST", "/api/v1/images/upload":
                return self._upload(request)
            case "GET", path if path == f"/api/v1/images/jobs/{JOB}":
                return self._job()
            case "GET", path if path == f"/api/v1/images/jobs/{JOB}/result":
                return self._result()
        return problem(404, "not_found")

    def _upload(self, request: httpx.Request) -> httpx.Response:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        for part in message_from_bytes(head + request.read()).get_payload():
            name = re.search('name="(.*?)"', part["Content-Disposition"])
            assert name
            self.form[name[1]] = part.get_payload(decode=True)
        headers = {"Location": f"/api/v1/images/jobs/{JOB}", "Retry-After": "1"}
        ids = {"job_id": JOB, "image_id": IMAGE}
        return httpx.Response(
            202, json={**ids, "status_url": headers["Location"], "message": "queued"}, headers=headers
        )

    def _job(self) -> httpx.Response:
        status = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        times = {"created_at": "2026-11-21T12:00:00Z", "completed_at": None}
        error = "the image cannot be decoded" if status == "failed" else None
        ids = {"job_id": JOB, "image_id": IMAGE}
        return httpx.Response(200, json={**ids, "status": status, **times, "error": error, "attempts": 1})

    def _result(self) -> httpx.Response:
        if self.states != ["completed"]:
            return problem(409, "not_finished", **{"Retry-After": "1"})
        urls = {name: f"/storage/test/processed/{name}/{IMAGE}_{name}.webp" for name in SIZES}
        shape: dict[str, Any] = {"aspect_ratio": 1.33, "format": "webp", "size_bytes": 1000}
        variants = {name: {"width": side, "height": side * 3 // 4, **shape} for name, side in SIZES.items()}
        metadata = {"dominant_color": "#a0b0c0", "original_dimensions": {"width": 1600, "height": 1200}}
        done = {"status": "completed", "completed_at": "2026-11-21T12:00:03Z"}
        return httpx.Response(
            200, json={"image_id": IMAGE, "urls": urls, "metadata": {**metadata, "variants": variants}, **done}
        )


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    """A refusal."""
    return httpx.Response(status, json={"status": status, "code": code, "detail": code}, headers=headers)
