"""GET /storage: objects of the stores that have no address of their own, open to everybody."""

from email.utils import format_datetime

from fastapi import APIRouter, Request, Response

from routers.answers import ACTIVE_CSP
from routers.conditional import not_modified
from routers.deps import ServicesDep
from routers.documents import refusals
from storage.base import DEFAULT_TYPE, ObjectInfo

router = APIRouter(tags=["storage"])


@router.head("/storage/{bucket}/{key:path}", include_in_schema=False)
@router.get(
    "/storage/{bucket}/{key:path}",
    summary="A stored object",
    response_class=Response,
    responses={
        200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The caller has it already."},
        **refusals(400, 404, 413, 502, 504),
    },
)
async def stored(bucket: str, key: str, request: Request, parts: ServicesDep) -> Response:
    """An object of a local bucket, as it was put there."""
    store = parts.stores.served(bucket)
    info = await store.stat(key)
    if not_modified(request.headers, f'"{info.etag}"', info.modified):
        return Response(status_code=304, headers=_headers(info))
    if request.method == "HEAD":
        return Response(headers=_headers(info) | {"Content-Length": str(info.size)}, media_type=_type(info))
    found = await store.get(key, max_bytes=parts.settings.max_file_size)
    return Response(found.data, headers=_headers(found.info), media_type=_type(found.info))


def _headers(info: ObjectInfo) -> dict[str, str]:
    return {
        "ETag": f'"{info.etag}"',
        "Last-Modified": format_datetime(info.modified, usegmt=True),
        "Cache-Control": info.cache_control or "public, no-cache",
        # Files that others put there were not sanitized: nothing in them runs.
        "Content-Security-Policy": ACTIVE_CSP,
    }


def _type(info: ObjectInfo) -> str:
    return info.content_type or DEFAULT_TYPE
