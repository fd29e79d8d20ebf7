"""/v1: a catalog of images that knows its duplicates."""

import hmac
from pathlib import PurePosixPath
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import SecretStr

from exceptions import BadRequest, PurgeRefused
from optimizers.base import Source
from routers.catalog_models import (
    AssetAnswer,
    CompareAnswer,
    CompareForm,
    CompareRequest,
    MetricsAnswer,
    PurgeAnswer,
    PurgeRequest,
    UploadForm,
    UseRequest,
)
from routers.connection import while_connected
from routers.deps import CatalogBodyDep, KeyHolderDep, Services, ServicesDep
from routers.documents import ALWAYS, FILE, SECURITY, reference, refusals
from routers.intake import FORM, JSON_LIMIT, kind_of, read_fields
from schemas import to_json

router = APIRouter(prefix="/v1", tags=["catalog"])
MAX_NAME = 255
ASSET = {
    "id": "0b8f6a52-4a44-4d0c-9d0e-6a6f4f2f4c11",
    "tenant_id": "shop-1",
    "content_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "original_filename": "shoe.jpg",
    "original_size_bytes": 481216,
    "original_width": 2400,
    "original_height": 1600,
    "in_use_count": 0,
    "dominant_color": "#c8b7a6",
    "placeholder": "1QcSHQRnh493V4dIh4eXh1h4kJUI",
    "created_at": "2026-11-21T03:40:00Z",
    "renditions": [
        {
            "id": "7d3c2b7e-5f0e-4f4c-8f43-1d1a7a3a9d55",
            "preset": "thumb",
            "url": "/storage/pare/processed/thumb/0b8f6a52-4a44-4d0c-9d0e-6a6f4f2f4c11_thumb.jpg",
            "size_bytes": 6120,
            "width": 200,
            "height": 200,
            "quality": 85,
            "content_type": "image/jpeg",
        }
    ],
    "similar": [{"id": "5f1d1f3e-2f43-4b57-9a42-3a3f0d1f7a10", "distance": 2}],
}
COMPARED = {
    "metric": "ssimulacra2",
    "min_score": 80,
    "results": [{"preset": "card", "size_bytes": 41210, "width": 600, "height": 400, "quality_metric": 83.1}],
    "recommended": "card",
}


def form_of(fields: Any) -> dict[str, Any]:
    """The schema of a form with a file and texts."""
    own = fields.model_json_schema()
    return {
        "type": "object",
        "required": ["file", *own.get("required", [])],
        "properties": {"file": {**FILE, "description": "The image; judged by its bytes alone."}, **own["properties"]},
        "additionalProperties": False,
    }


def taking(**content: dict[str, Any]) -> dict[str, Any]:
    """A route's body, by kind, and the keys that open it."""
    kinds = {"form": FORM, "json": "application/json"}
    body = {"required": True, "content": {kinds[kind]: schema for kind, schema in content.items()}}
    return {"requestBody": body, "security": SECURITY}


def answering(status: int, description: str, example: Any, headers: Any = ALWAYS) -> dict[int | str, dict[str, Any]]:
    """A good answer with its example."""
    content = {"application/json": {"example": example}}
    return {status: {"description": description, "headers": headers, "content": content}}


@router.post(
    "/images",
    summary="Keep an image of a tenant",
    status_code=201,
    response_model=AssetAnswer,
    responses={
        **answering(201, "The new asset.", ASSET, ALWAYS | {"Location": {"schema": {"type": "string"}}}),
        200: {"description": "These bytes are there already.", "model": AssetAnswer, "headers": ALWAYS},
        **refusals(400, 401, 408, 413, 415, 422, 429, 502, 503, 504),
    },
    openapi_extra=taking(form={"schema": form_of(UploadForm), "example": {"tenant": "shop-1", "file": "shoe.jpg"}}),
)
async def upload(parts: ServicesDep, body: CatalogBodyDep) -> Response:
    """The same bytes of the same tenant are the same asset: 201 the first time, 200 ever after.

    Where another of the tenant's images looks the same, in its colours too, its renditions serve both; `similar` names
    those, and others that are near by structure alone. A client that hangs up finds the asset when it asks again.
    """
    source, texts = await read_form(body, "tenant")
    form = UploadForm.from_fields(texts)
    found, created = await parts.catalog.upload(form.tenant, source)
    answer = to_json(AssetAnswer.of(found))
    return JSONResponse(answer, 201 if created else 200, {"Location": f"/v1/images/{found.asset.id}"})


async def read_form(body: Any, *texts: str) -> tuple[Source, dict[str, str]]:
    """A form with one file that is not empty; its name without folders and signs that nobody can read."""
    if kind_of(body) != FORM:
        raise BadRequest(f"the body has to be a form ({FORM}) with the file in its field 'file'")
    source, found = await read_fields(body, "file", *texts)
    if not source.data:
        raise BadRequest("the image is empty")
    name = PurePosixPath((source.filename or "").replace("\\", "/")).name
    return Source(source.data, "".join(filter(str.isprintable, name))[:MAX_NAME]), found


@router.get(
    "/images/{image_id}",
    summary="An image and its renditions",
    response_model=AssetAnswer,
    responses={**answering(200, "The asset.", ASSET), **refusals(400, 401, 404, 429, 503)},
    openapi_extra={"security": SECURITY},
)
async def read(image_id: str, parts: ServicesDep, who: KeyHolderDep) -> Response:
    """The asset as POST answered it, with what looks like it by now."""
    return JSONResponse(to_json(AssetAnswer.of(await parts.catalog.find(image_id))))


@router.patch(
    "/images/{image_id}",
    summary="Say how often an image is used",
    response_model=AssetAnswer,
    responses={
        **answering(200, "The asset.", {**ASSET, "in_use_count": 3}),
        **refusals(400, 401, 404, 408, 413, 429, 503),
    },
    openapi_extra=taking(json={"schema": reference(UseRequest), "example": {"in_use_count": 3}}),
)
async def use(image_id: str, parts: ServicesDep, body: CatalogBodyDep) -> Response:
    """`in_use_count` is what it is set to; at 0, where every asset starts, a purge may take it."""
    wish = UseRequest.from_json(await body.read(JSON_LIMIT))
    return JSONResponse(to_json(AssetAnswer.of(await parts.catalog.use(image_id, wish.in_use_count))))


@router.post(
    "/compare",
    summary="Every preset of an image, with its score",
    response_model=CompareAnswer,
    responses={
        **answering(200, "The presets.", COMPARED),
        **refusals(400, 401, 404, 408, 413, 415, 422, 429, 502, 503, 504),
    },
    openapi_extra=taking(
        form={"schema": form_of(CompareForm), "example": {"file": "shoe.jpg", "min_score": "80"}},
        json={"schema": reference(CompareRequest), "example": {"id": ASSET["id"]}},
    ),
)
async def compare(request: Request, parts: ServicesDep, body: CatalogBodyDep) -> Response:
    """Send an image, of which nothing is kept, or name one that is: each preset's bytes and its SSIMULACRA2.

    The score is taken against the image at the preset's own size; `recommended` is the smallest that reaches
    `min_score`.
    """
    if kind_of(body) == FORM:
        source, texts = await read_form(body, "tenant", "min_score")
        least = CompareForm.from_fields(texts).min_score
    else:
        wish = CompareRequest.from_json(await body.read(JSON_LIMIT))
        least, source = wish.min_score, await parts.catalog.original(wish.id)
    async with parts.slots.place():
        compared = await while_connected(request, parts.catalog.compare(source))
    return JSONResponse(CompareAnswer.of(compared, least).model_dump(mode="json"))


@router.post(
    "/purge",
    summary="Delete what nobody uses",
    response_model=PurgeAnswer,
    responses={
        **answering(200, "What went, or would go.", {"dry_run": True, "candidates": [], "deleted_count": 0}),
        **refusals(400, 401, 403, 408, 413, 429, 502, 503, 504),
    },
    openapi_extra=taking(json={"schema": reference(PurgeRequest), "example": {"dry_run": True}}),
)
async def purge(parts: ServicesDep, body: CatalogBodyDep) -> Response:
    """Assets with `in_use_count` 0 whose bytes last came more than `PURGE_MIN_AGE_SECONDS` ago.

    Rows and objects are deleted only with `dry_run` false and the token that `PURGE_CONFIRM_TOKEN` has.
    """
    wish = PurgeRequest.from_json(await body.read(JSON_LIMIT))
    _check_token(parts, wish.confirm_token, needed=not wish.dry_run)
    if wish.dry_run:
        candidates, deleted = list((await parts.catalog.candidates()).values()), 0
    else:
        candidates, deleted = await parts.catalog.purge()
    return JSONResponse(to_json(PurgeAnswer(dry_run=wish.dry_run, candidates=candidates, deleted_count=deleted)))


def _check_token(parts: Services, given: SecretStr | None, *, needed: bool) -> None:
    """Raises PurgeRefused."""
    token = parts.settings.purge_confirm_token.get_secret_value()
    if not token:
        raise PurgeRefused("PURGE_CONFIRM_TOKEN is not set, so nothing can be purged")
    if given is None and needed:
        raise PurgeRefused("deleting needs the confirm_token")
    if given is not None and not hmac.compare_digest(given.get_secret_value().encode(), token.encode()):
        raise PurgeRefused("the confirm_token is wrong")


@router.get(
    "/metrics",
    summary="What the catalog keeps",
    response_model=MetricsAnswer,
    responses={
        **answering(200, "Counts and bytes.", {"tenant_counts": {"shop-1": 12}, "bytes_per_preset": {"thumb": 73440}}),
        **refusals(401, 429, 503),
    },
    openapi_extra={"security": SECURITY},
)
async def metrics(parts: ServicesDep, who: KeyHolderDep) -> Response:
    """Assets of each tenant, and bytes of each preset; a rendition that several assets share counts once."""
    found = await parts.catalog.metrics()
    answer = MetricsAnswer(tenant_counts=dict(found.tenant_counts), bytes_per_preset=dict(found.bytes_per_preset))
    return JSONResponse(to_json(answer))
