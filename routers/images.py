"""GET /images: originals of a bucket, each as small as it is asked for, for a CDN."""

import time
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from delivery.origin import digest_of
from delivery.parameters import FITS, LEAST_DPR, MAX_DPR, MAX_QUALITY, MAX_SIDE, MAX_VERSION, Wishes
from delivery.rendered import Rendered
from delivery.service import Variant
from optimizers.base import FormatSpec
from optimizers.router import TARGETS
from routers.answers import ACTIVE_CSP, inline
from routers.conditional import not_modified
from routers.connection import while_connected
from routers.deps import DeliveryDep, ImageWishesDep, KeyHolderDep, ServicesDep
from routers.documents import ALWAYS, FILE, SECURITY, refusals
from schemas import PurgeReceipt
from utils.result_cache import HIT

router = APIRouter(tags=["delivery"])
IMMUTABLE_SECONDS = 31_536_000
IMMUTABLE, STALE = "immutable", "stale-while-revalidate=60, stale-if-error=86400"


def _parameter(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": description, "schema": schema}


SIDE = {"type": "integer", "minimum": 1, "maximum": MAX_SIDE}
PARAMETERS = [
    _parameter("w", "Width in pixels; never enlarged.", **SIDE, example=600),
    _parameter("h", "Height in pixels; alone, it keeps the aspect ratio.", **SIDE),
    _parameter("fit", "What becomes of another shape; `contain` and `inside` are one.", type="string", enum=[*FITS]),
    _parameter("format", "`auto`: the best that `Accept` names.", type="string", enum=[*TARGETS, "auto", "original"]),
    _parameter(
        "q",
        "Quality; `auto` measures what people see.",
        oneOf=[{"type": "integer", "minimum": 1, "maximum": MAX_QUALITY}, {"type": "string", "enum": ["auto"]}],
    ),
    _parameter(
        "dpr", "Pixels of the screen for each of `w` and `h`.", type="number", minimum=LEAST_DPR, maximum=MAX_DPR
    ),
    _parameter("sharpen", "Harden the edges of what gets smaller.", type="boolean"),
    _parameter(
        "v",
        "A version of the original: the answer may be kept for ever.",
        type="string",
        pattern="^[0-9a-z]+$",
        maxLength=MAX_VERSION,
    ),
    _parameter("exp", "When a signed URL ends, in Unix seconds.", type="integer", minimum=0, maximum=10**12 - 1),
    _parameter("kid", "Id of the key that signed.", type="string", maxLength=64),
    _parameter("sig", "Signature, where SIGNING_KEY is set.", type="string", maxLength=64),
]
PLAIN_NAME = "[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}"
ImagePath = Annotated[
    str,
    Path(
        description="The object's key; other letters and signs are taken, too, if they are no control characters.",
        examples=["shop/cup.jpg"],
        json_schema_extra={"pattern": f"^{PLAIN_NAME}(/{PLAIN_NAME}){{0,5}}$"},
    ),
]
HEADERS = {
    name: {"schema": {"type": "string"}}
    for name in ("ETag", "Last-Modified", "Cache-Control", "Cache-Tag", "Surrogate-Key", "Cross-Origin-Resource-Policy")
}


@router.head("/images/{path:path}", include_in_schema=False)
@router.get(
    "/images/{path:path}",
    summary="An image for a page",
    response_class=Response,
    responses={
        200: {"content": {"image/*": {"schema": FILE}}, "headers": ALWAYS | HEADERS},
        304: {"description": "The caller has it already.", "headers": ALWAYS | HEADERS},
        **refusals(400, 401, 403, 404, 413, 415, 422, 429, 502, 503, 504),
    },
    openapi_extra={"parameters": PARAMETERS, "security": SECURITY},
)
async def image(
    path: ImagePath, request: Request, parts: ServicesDep, wishes: ImageWishesDep, delivery: DeliveryDep
) -> Response:
    """The object of that name in the origin (`ORIGIN_URL`), at another size, in another format, compressed.

    The query is strict: what is unknown, wrong or given twice is a 400 that names it. `preset` names a query of the
    settings (`DELIVERY_PRESETS`). `If-None-Match` and `If-Modified-Since` cost no work.
    """
    started = time.perf_counter()
    variant = await delivery.find(path, wishes, ",".join(request.headers.getlist("accept")))
    spans = {"fetch": (time.perf_counter() - started) * 1000}
    headers = _headers(variant, _lifetime(wishes, parts.settings.delivery_max_age_seconds))
    if not_modified(request.headers, variant.etag, variant.original.modified):
        return Response(status_code=304, headers=headers | _timing(spans))
    known = await delivery.known(variant)
    found, status = (known, HIT) if known else await while_connected(request, delivery.made(variant, spans))
    spec = delivery.specs[found.made]
    headers |= _facts(found, spec, path) | _timing(found.spans or spans) | {"Cache-Status": f"pare; {status}"}
    if request.method == "HEAD":
        return Response(headers=headers | {"Content-Length": str(len(found.data))}, media_type=spec.mime)
    return Response(found.data, headers=headers, media_type=spec.mime)


@router.delete(
    "/images/{path:path}",
    summary="Forget what was made of an image",
    responses={200: {"headers": ALWAYS}, **refusals(400, 401, 429, 502, 503, 504)},
    openapi_extra={"security": SECURITY},
)
async def purge(
    path: ImagePath,
    who: KeyHolderDep,
    delivery: DeliveryDep,
    dry_run: Annotated[bool, Query(description="Only say what would go.")] = False,
) -> PurgeReceipt:
    """Every variant of it leaves every layer of the cache; the original stays where it is.

    What a CDN keeps goes by the same `cache_tag`, which every image carries as `Cache-Tag` and `Surrogate-Key`.
    """
    variants = await delivery.purge(path, dry_run=dry_run)
    return PurgeReceipt(path=path, variants=variants, dry_run=dry_run, cache_tag=_tag(digest_of(path)))


def _headers(variant: Variant, cache_control: str) -> dict[str, str]:
    """What a 200 and a 304 say alike."""
    tag = _tag(variant.original.digest)
    return {
        "ETag": variant.etag,
        "Last-Modified": format_datetime(variant.original.modified, usegmt=True),
        "Cache-Control": cache_control,
        "Cache-Tag": tag,
        "Surrogate-Key": tag,
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


def _tag(digest: str) -> str:
    return f"pare-{digest}"


def _lifetime(wishes: Wishes, seconds: int) -> str:
    """How long others may keep the answer: never for longer than its URL is good for."""
    longest = IMMUTABLE_SECONDS if wishes.versioned else seconds
    left = longest if wishes.expires is None else wishes.expires - int(time.time())
    if left < longest:
        return f"public, max-age={max(0, left)}"
    return f"public, max-age={longest}, {IMMUTABLE if wishes.versioned else STALE}"


def _facts(found: Rendered, spec: FormatSpec, path: str) -> dict[str, str]:
    values = {
        "Content-Disposition": inline(path.rpartition("/")[2], spec),
        "Content-Security-Policy": ACTIVE_CSP if spec.active else None,
        "Content-Encoding": spec.coding or None,
        "Image-Width": found.width,
        "Image-Height": found.height,
        "X-Original-Size": found.original_size,
        "X-Optimized-Size": len(found.data),
        "X-Original-Format": found.original_format,
        "X-Optimized-Format": found.made,
        "X-Optimization-Method": found.method,
        "X-Optimization-Reason": found.reason,
        "X-Quality-Used": found.quality,
        "X-Quality-Score": None if found.score is None else f"ssimulacra2={found.score:.1f}",
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def _timing(spans: Mapping[str, float]) -> dict[str, str]:
    return {"Server-Timing": ", ".join(f"{name};dur={ms:.1f}" for name, ms in spans.items())}
