"""POST /api/v1/images/upload and the jobs that follow: accepted at once, done by a worker."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from exceptions import JobFailed, Missing, NotFinished
from library.repository import assets, jobs, leases
from library.submission import Submission
from library.tables import USER, Job
from routers.deps import LibraryFormDep, Services, ServicesDep, UserDep
from routers.documents import ALWAYS, FILE, TOKEN, refusals
from routers.library_answers import image_answer, job_answer, known_id, private, stamp
from routers.library_models import BUCKET_PATTERN, Accepted, JobAnswer, ResultAnswer

router = APIRouter(prefix="/api/v1/images", tags=["library"])
POLL_SECONDS = 1
"""After which asking again is worth while."""
PLACE = {"Location": {"schema": {"type": "string"}, "description": "Where its status is."}}
FORM: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {**FILE, "description": "Judged by its bytes alone."},
        "bucket": {"type": "string", "pattern": BUCKET_PATTERN, "maxLength": 222},
        "metadata": {"type": "object", "description": "Sent as JSON; it comes back as `context`."},
        "callback_url": {
            "type": "string",
            "format": "uri",
            "description": "Is told when the job is done (Standard Webhooks).",
        },
    },
    "additionalProperties": False,
}


@router.post(
    "/upload",
    summary="Upload an image to be kept in several sizes",
    status_code=202,
    response_model=Accepted,
    responses={202: {"headers": ALWAYS | PLACE}, **refusals(400, 401, 408, 413, 415, 422, 429, 502, 503, 504)},
    openapi_extra={
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": FORM}}},
        "security": TOKEN,
    },
)
async def upload(parts: ServicesDep, user: UserDep, form: LibraryFormDep) -> JSONResponse:
    """The file is kept and a job is made of it; ask for the job's status, or name a `callback_url`."""
    if form.callback_url is not None:
        parts.callbacks.check(form.callback_url)
    examined = await parts.library.ingest.examine(form.source)
    job = await parts.uploads.submit(Submission(user, form.bucket, examined, form.context, form.callback_url))
    place = f"{router.prefix}/jobs/{job.job_id}"
    told = Accepted(job_id=job.job_id, image_id=job.image_id, status_url=place, message="accepted; ask for its status")
    return private(told, 202, {"Location": place, "Retry-After": str(POLL_SECONDS)})


@router.get(
    "/jobs/{job_id}",
    summary="How far a job is",
    response_model=JobAnswer,
    responses=refusals(401, 404, 429, 503),
    openapi_extra={"security": TOKEN},
)
async def status(job_id: str, parts: ServicesDep, user: UserDep) -> JSONResponse:
    """From `pending` by `processing` to `completed`; `failed` when no other try would help."""
    job = await _own(parts, user, job_id)
    headers = {"Retry-After": str(POLL_SECONDS)} if job.status in leases.UNFINISHED else {}
    return private(job_answer(job), headers=headers)


@router.get(
    "/jobs/{job_id}/result",
    summary="What a job made",
    response_model=ResultAnswer,
    responses=refusals(401, 404, 409, 429, 502, 503, 504),
    openapi_extra={"security": TOKEN},
)
async def result(job_id: str, parts: ServicesDep, user: UserDep) -> JSONResponse:
    """The image's addresses and facts; 409 while it is worked on, with `Retry-After`, and when it has failed."""
    job = await _own(parts, user, job_id)
    expect_done(job)
    async with parts.library.database.reading() as session:
        asset = await assets.owned(session, USER, job.image_id, user)
    if asset is None or job.completed_at is None:
        raise Missing("the image was deleted")
    found = await image_answer(asset, parts.library)
    told = ResultAnswer(**dict(found), status="completed", completed_at=stamp(job.completed_at))
    return private(told)


def expect_done(job: Job) -> None:
    """Raises NotFinished, JobFailed."""
    if job.status in leases.UNFINISHED:
        raise NotFinished(f"the job is {job.status}", retry_after=POLL_SECONDS)
    if job.status == leases.FAILED:
        raise JobFailed(job.last_error or "the job failed")


async def _own(parts: Services, user: str, job_id: str) -> Job:
    name = known_id(job_id)
    async with parts.library.database.reading() as session:
        job = await jobs.job_of(session, user, name)
    if job is None:
        raise Missing("there is no such job")
    return job
