"""POST /compress: any image in, a JPEG out."""

from typing import Any

from fastapi import APIRouter, Request, Response

from routers.answers import address_answer, image_answer
from routers.connection import while_connected
from routers.deps import CallerDep, CompressDep, ServicesDep
from routers.documents import FILE, SECURITY, compress_options, refusals, result_headers
from routers.storing import resolve, stored_answer
from schemas import CompressReceipt

router = APIRouter(tags=["optimize"])
FORM = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "format": "binary", "description": "The image; judged by its bytes alone."},
        "background": {"type": "string", "pattern": "^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$"},
    },
    "additionalProperties": False,
}
BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/octet-stream": {"schema": FILE},
        "image/*": {"schema": FILE},
        "multipart/form-data": {"schema": FORM},
    },
}


@router.post(
    "/compress",
    summary="Make a JPEG of an image",
    response_class=Response,
    responses={
        200: {
            "description": "The JPEG, or of a form its address.",
            "content": {"image/jpeg": {"schema": FILE}},
            "headers": result_headers(),
            "model": CompressReceipt,
        },
        **refusals(400, 401, 403, 408, 409, 413, 415, 422, 429, 502, 503, 504),
    },
    openapi_extra={"parameters": compress_options(), "requestBody": BODY, "security": SECURITY},
)
async def compress(request: Request, parts: ServicesDep, who: CallerDep, upload: CompressDep) -> Response:
    """Send the bytes as the body, and the JPEG comes back; send them as form field `image`, and it is stored.

    Transparent pixels are shown on `background`, mixed as light mixes; of an animation the first frame is taken.
    Storing goes to the default store, by hash.
    """
    destination = resolve(upload, parts, who) if upload.storage else None
    outcome = await while_connected(request, parts.recall.run(upload.source, upload.policy, upload.spans))
    if destination:
        return await stored_answer(outcome, destination, request.headers.get("accept", ""), address_answer)
    return image_answer(outcome)
