"""POST /shrink, GET and POST /output/{id}: Tinify's API, for programs that speak it."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from optimizers.base import Source
from routers.connection import while_connected
from routers.deps import KeyHolderDep, PictureDep, Services, ServicesDep, WishesDep
from routers.documents import ALWAYS, SECURITY, reference, refusals
from routers.outputs import Output
from routers.tinify_options import Commands, SourceRequest, Store
from schemas import TinifyProblem
from storage.keys import check_key
from storage.store import Store as ObjectStore

router = APIRouter(tags=["tinify"])

INTEGER = {"schema": {"type": "integer"}}
COUNT = {"Compression-Count": {**INTEGER, "description": "Pictures made for this caller in this month."}}
PLACE = {"Location": {"schema": {"type": "string"}, "description": "Where the result is."}}
SIZE = {"Image-Width": INTEGER, "Image-Height": INTEGER}
FILE = {"type": "string", "format": "binary", "minLength": 1}
IMAGE: dict[str, Any] = {"content": {"image/*": {"schema": FILE}}, "headers": ALWAYS | COUNT | SIZE}
REFUSALS = refusals(400, 401, 403, 404, 408, 413, 415, 422, 429, 502, 503, 504, shape=TinifyProblem)
NO_METADATA = Commands()


@router.post(
    "/shrink",
    status_code=201,
    summary="Make an image smaller (Tinify)",
    response_class=JSONResponse,
    responses={201: {"headers": ALWAYS | COUNT | PLACE}, **REFUSALS},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": reference(SourceRequest)},
                "application/octet-stream": {"schema": FILE},
                "image/*": {"schema": FILE},
            },
        },
        "security": SECURITY,
    },
)
async def shrink(request: Request, parts: ServicesDep, who: KeyHolderDep, picture: PictureDep) -> Response:
    """Send the file as the body, or its URL as JSON; `Location` says where the result waits. No metadata stays."""
    policy = NO_METADATA.policy(parts.settings.default_quality)
    outcome = await while_connected(request, parts.recall.run(picture.source, policy, picture.spans))
    output = Output.of(outcome)
    place = f"/output/{await parts.outputs.keep(output, picture.source)}"
    headers = {"Location": place, **_counted(await parts.usage.add(who.name))}
    return JSONResponse(output.told(place), 201, headers)


@router.get(
    "/output/{name}",
    summary="The result (Tinify)",
    response_class=Response,
    responses={200: IMAGE, **REFUSALS},
    openapi_extra={"security": SECURITY},
)
async def output(name: str, parts: ServicesDep, who: KeyHolderDep) -> Response:
    """What POST /shrink made, for as long as it is kept."""
    found = await parts.outputs.find(name)
    return found.answer(**_counted(await parts.usage.count(who.name)))


@router.post(
    "/output/{name}",
    summary="The result resized, converted, stored (Tinify)",
    response_class=Response,
    responses={
        200: {**IMAGE, "description": "The image; with `store`, JSON, and `Location` says where it is."},
        **REFUSALS,
    },
    openapi_extra={
        "requestBody": {"content": {"application/json": {"schema": reference(Commands)}}},
        "security": SECURITY,
    },
)
async def again(name: str, request: Request, parts: ServicesDep, who: KeyHolderDep, wishes: WishesDep) -> Response:
    """Made anew from the picture that was sent, whatever the result that waits has lost."""
    found = await parts.outputs.find(name)
    commands = Commands.from_json(wishes)
    store = _allowed(commands.store, parts) if commands.store else None
    if commands.changes:
        source = await parts.outputs.source(name) or Source(found.data)
        found = await while_connected(request, _made(source, commands, parts))
    count = await (parts.usage.add(who.name) if commands.changes else parts.usage.count(who.name))
    if not store or not commands.store:
        return found.answer(**_counted(count))
    url = await _put(found, store, commands.store)
    return JSONResponse(found.told(url), headers={"Location": url, **_size(found), **_counted(count)})


async def _made(source: Source, commands: Commands, parts: Services) -> Output:
    policy, rendition = commands.policy(parts.settings.default_quality), commands.rendition
    if rendition:
        return Output.of(await parts.engine.render(source, rendition, policy))
    return Output.of(await parts.recall.run(source, policy))


def _allowed(wish: Store, parts: Services) -> ObjectStore:
    """The store, judged before any work. Raises BucketRefused, InvalidKey."""
    bucket, key = wish.place
    check_key(key)
    return parts.stores.named(wish.service, bucket)


async def _put(found: Output, store: ObjectStore, wish: Store) -> str:
    """Keep it in the store; its address there."""
    key = wish.place[1]
    await store.put(key, found.data, content_type=found.media_type, cache_control=wish.cache_control)
    return store.public_url(key)


def _size(found: Output) -> dict[str, str]:
    return {name: found.headers[name.lower()] for name in SIZE}


def _counted(count: int | None) -> dict[str, str]:
    return {} if count is None else {name: str(count) for name in COUNT}
