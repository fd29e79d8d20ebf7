"""GET and DELETE /api/v1/images/…: a user's images, in every size."""

import hashlib
import re
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from exceptions import InvalidOptions, Missing
from library.objects import Place
from library.repository import assets, jobs, leases
from library.repository.events import note
from library.tables import READY, USER, Asset
from routers.conditional import has
from routers.deps import Services, ServicesDep, UserDep
from routers.documents import FILE, TOKEN, refusals
from routers.jobs import expect_done
from routers.library_answers import image_answer, known_id, private, variant, variant_answer
from routers.library_models import DeletedAnswer, ImageAnswer, VariantAnswer, VariantsAnswer

router = APIRouter(prefix="/api/v1/images", tags=["library"])
MOST_IDS = 50
MEDIUM = "medium"
REFUSALS = refusals(400, 401, 404, 409, 429, 502, 503, 504)
SEVERAL = re.compile(r"[A-Za-z0-9-]{1,64}(, ?[A-Za-z0-9-]{1,64})*")
Ids = Annotated[
    str,
    Query(
        json_schema_extra={"pattern": "^[A-Za-z0-9-]{1,64}(, ?[A-Za-z0-9-]{1,64}){0,49}$"},
        description="With commas.",
    ),
]
Size = Annotated[str, Query(description="A variant's name; without one `medium`.", examples=[MEDIUM])]


@router.get(
    "/batch",
    summary="One size of up to 50 images",
    response_model=VariantsAnswer,
    responses=REFUSALS,
    openapi_extra={"security": TOKEN},
)
async def several(parts: ServicesDep, user: UserDep, image_ids: Ids, size: Size = MEDIUM) -> JSONResponse:
    """`image_ids` with commas. Those that are not there, not yet, or somebody else's are told as `missing`."""
    names = list(dict.fromkeys(part.strip() for part in image_ids.split(",")))
    if len(names) > MOST_IDS or not SEVERAL.fullmatch(image_ids):
        detail = f"{len(names)} ids; from 1 to {MOST_IDS} are allowed, with commas between them"
        errors = [{"pointer": "/image_ids", "detail": detail}]
        raise InvalidOptions(f"/image_ids: {detail}", limit=MOST_IDS, actual=len(names), errors=errors)
    found = {name: await _whole(parts, user, name) for name in names}
    told = VariantsAnswer(
        images=[await variant_answer(asset, size, parts.library) for asset in found.values() if asset],
        missing=[name for name, asset in found.items() if asset is None],
    )
    return private(told)


@router.get(
    "/{image_id}",
    summary="One size of an image",
    response_model=VariantAnswer,
    responses=REFUSALS,
    openapi_extra={"security": TOKEN},
)
async def one(image_id: str, parts: ServicesDep, user: UserDep, size: Size = MEDIUM) -> JSONResponse:
    """Where it is, and how large."""
    asset = await _ready(parts, user, image_id)
    told = await variant_answer(asset, size, parts.library)
    return private(told)


@router.get(
    "/{image_id}/all",
    summary="Every size of an image",
    response_model=ImageAnswer,
    responses=REFUSALS,
    openapi_extra={"security": TOKEN},
)
async def every(image_id: str, parts: ServicesDep, user: UserDep) -> JSONResponse:
    """All addresses and facts."""
    told = await image_answer(await _ready(parts, user, image_id), parts.library)
    return private(told)


@router.get(
    "/{image_id}/direct",
    summary="The file itself",
    response_class=Response,
    responses={
        200: {"content": {"image/webp": {"schema": FILE}}},
        304: {"description": "The caller has it already."},
        **REFUSALS,
    },
    openapi_extra={"security": TOKEN},
)
async def direct(image_id: str, request: Request, parts: ServicesDep, user: UserDep, size: Size = MEDIUM) -> Response:
    """The bytes of one size."""
    row = variant(await _ready(parts, user, image_id), size)
    place = Place(row.bucket, row.object_key)
    data = await parts.library.objects.get(place, max_bytes=max(row.size_bytes, parts.settings.max_file_size))
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if has(request.headers, etag):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = f'inline; filename="{row.object_key.rsplit("/", 1)[-1]}"'
    return Response(data, headers=headers, media_type=row.mime)


@router.delete(
    "/{image_id}",
    summary="Delete an image in every size",
    response_model=DeletedAnswer,
    responses=REFUSALS,
    openapi_extra={"security": TOKEN},
)
async def delete(image_id: str, parts: ServicesDep, user: UserDep) -> JSONResponse:
    """Its rows go at once, its objects right after; a job that still works on it ends as `failed`."""
    name = known_id(image_id)
    async with parts.library.database.writing() as session:
        asset = await assets.owned(session, USER, name, user)
        if asset is None:
            raise Missing("there is no such image")
        variants = [row.preset for row in asset.renditions]
        await leases.withdraw(session, asset.id)
        job = await jobs.latest_job(session, user, asset.id)
        await assets.remove(session, asset)
        if job is not None:
            note(session, job, "deleted")
    await parts.library.objects.sweep_removed()
    told = DeletedAnswer(image_id=name, deleted=True, variants=variants)
    return private(told)


async def _whole(parts: Services, user: str, image_id: str) -> Asset | None:
    """The user's image where it is whole."""
    try:
        name = known_id(image_id)
    except Missing:
        return None
    async with parts.library.database.reading() as session:
        asset = await assets.owned(session, USER, name, user)
    return asset if asset and asset.state == READY else None


async def _ready(parts: Services, user: str, image_id: str) -> Asset:
    """The user's image. Raises Missing, NotFinished, JobFailed."""
    name = known_id(image_id)
    async with parts.library.database.reading() as session:
        asset = await assets.owned(session, USER, name, user)
        job = await jobs.latest_job(session, user, name)
    if asset is None:
        raise Missing("there is no such image")
    if asset.state != READY and job is not None:
        expect_done(job)
    if asset.state != READY:
        raise Missing("there is no such image")
    return asset
