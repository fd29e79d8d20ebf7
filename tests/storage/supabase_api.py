"""Supabase Storage's REST paths, as its documentation has them, over a dictionary.

Errors come as HTTP 400 with the status that is meant in the body, as there.
"""

import hashlib
import re
import secrets
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

KEY = "service-key"
ALLOWED = re.compile(r"[\w/!\-.*'() &$@=;:+,?]+", re.ASCII)
"""The characters that a key may have."""
Entry = dict[str, Any]


class SupabaseApi:
    """One project; a bucket is there once `buckets` has it."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, Entry]] = {}
        self.tokens: dict[str, tuple[str, float]] = {}

    def app(self) -> Starlette:
        base = "/storage/v1/object"
        return Starlette(
            routes=[
                Route(f"{base}/list/{{bucket}}", self.listing, methods=["POST"]),
                Route(f"{base}/sign/{{bucket}}/{{key:path}}", self.sign, methods=["POST"]),
                Route(f"{base}/sign/{{bucket}}/{{key:path}}", self.signed, methods=["GET"]),
                Route(f"{base}/public/{{bucket}}/{{key:path}}", self.public, methods=["GET"]),
                Route(f"{base}/authenticated/{{bucket}}/{{key:path}}", self.read, methods=["GET"]),
                Route(f"{base}/info/{{bucket}}/{{key:path}}", self.info, methods=["GET"]),
                Route(f"{base}/{{bucket}}", self.remove, methods=["DELETE"]),
                Route(f"{base}/{{bucket}}/{{key:path}}", self.write, methods=["POST"]),
            ]
        )

    async def write(self, request: Request) -> Response:
        if refusal := self.refusal(request):
            return refusal
        key, bucket = request.path_params["key"], self.buckets[request.path_params["bucket"]]
        if not ALLOWED.fullmatch(key):
            return failure(400, "InvalidKey", f"Invalid key: {key}")
        if key in bucket and request.headers.get("x-upsert") != "true":
            return failure(409, "Duplicate", "The resource already exists")
        data = await request.body()
        bucket[key] = {
            "data": data,
            "type": request.headers["content-type"],
            "cache": request.headers.get("cache-control", "no-cache"),
            "etag": f'"{hashlib.md5(data).hexdigest()}"',
            "time": datetime.now(UTC),
        }
        return JSONResponse({"Key": f"{request.path_params['bucket']}/{key}", "Id": secrets.token_hex(8)})

    async def read(self, request: Request) -> Response:
        return self.refusal(request) or self.file(request)

    async def public(self, request: Request) -> Response:
        return self.file(request)

    async def signed(self, request: Request) -> Response:
        path, expires = self.tokens.get(request.query_params["token"], ("", 0.0))
        if path != request.url.path or time.time() >= expires:
            return failure(400, "InvalidJWT", "jwt expired")
        return self.file(request)

    async def sign(self, request: Request) -> Response:
        if refusal := self.refusal(request):
            return refusal
        if not self.entry(request):
            return failure(404, "not_found", "Object not found")
        token = secrets.token_urlsafe(8)
        self.tokens[token] = (request.url.path, time.time() + (await request.json())["expiresIn"])
        return JSONResponse({"signedURL": f"{request.url.path.removeprefix('/storage/v1')}?token={token}"})

    async def info(self, request: Request) -> Response:
        if refusal := self.refusal(request):
            return refusal
        if not (entry := self.entry(request)):
            return failure(404, "not_found", "Object not found")
        return JSONResponse(
            {
                "name": request.path_params["key"],
                "size": len(entry["data"]),
                "content_type": entry["type"],
                "cache_control": entry["cache"],
                "etag": entry["etag"],
                "last_modified": entry["time"].isoformat(),
            }
        )

    async def remove(self, request: Request) -> Response:
        if refusal := self.refusal(request):
            return refusal
        bucket = self.buckets[request.path_params["bucket"]]
        names = [key for key in (await request.json())["prefixes"] if bucket.pop(key, None)]
        return JSONResponse([{"name": name} for name in names])

    async def listing(self, request: Request) -> Response:
        if refusal := self.refusal(request):
            return refusal
        asked, bucket = await request.json(), self.buckets[request.path_params["bucket"]]
        folder = f"{asked['prefix']}/" if asked["prefix"] else ""
        names = sorted({key[len(folder) :].split("/")[0] for key in bucket if key.startswith(folder)})
        window = names[asked["offset"] : asked["offset"] + asked["limit"]]
        return JSONResponse([listed(name, bucket.get(folder + name)) for name in window])

    def refusal(self, request: Request) -> Response | None:
        if request.headers.get("authorization") != f"Bearer {KEY}" or request.headers.get("apikey") != KEY:
            return failure(403, "Unauthorized", "Invalid Compact JWS")
        if request.path_params["bucket"] not in self.buckets:
            return failure(404, "Bucket not found", "Bucket not found")
        return None

    def entry(self, request: Request) -> Entry | None:
        return self.buckets.get(request.path_params["bucket"], {}).get(request.path_params["key"])

    def file(self, request: Request) -> Response:
        if not (entry := self.entry(request)):
            return failure(404, "not_found", "Object not found")
        headers = {"Cache-Control": entry["cache"], "ETag": entry["etag"]}
        headers["Last-Modified"] = format_datetime(entry["time"], usegmt=True)
        return Response(entry["data"], headers=headers, media_type=entry["type"])


def failure(status: int, error: str, message: str) -> Response:
    return JSONResponse({"statusCode": str(status), "error": error, "message": message}, 400)


def listed(name: str, entry: Entry | None) -> dict[str, Any]:
    if entry is None:
        return {"name": name, "id": None, "updated_at": None, "metadata": None}
    about = {
        "size": len(entry["data"]),
        "mimetype": entry["type"],
        "eTag": entry["etag"],
        "cacheControl": entry["cache"],
    }
    return {"name": name, "id": secrets.token_hex(8), "updated_at": entry["time"].isoformat(), "metadata": about}
