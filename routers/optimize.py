"""POST /optimize: a picture in, the same picture in fewer bytes out."""

from typing import Any

from fastapi import APIRouter, Request, Response

from routers.accept import prefers
from routers.answers import image_answer, receipt_answer
from routers.connection import while_connected
from routers.deps import GuestDep, ServicesDep, UploadDep
from routers.documents import FILE, SECURITY_OR_TICKET, query_options, reference, refusals, result_headers
from routers.storing import resolve, stored_answer
from schemas import Receipt, RequestOptions, UrlRequest
from utils.metrics import ESTIMATE_ERROR

router = APIRouter(tags=["optimize"])

FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "The image; judged by its bytes alone."},
        "options": reference(RequestOptions),
    },
    "additionalProperties": False,
}
BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": FORM, "encoding": {"options": {"contentType": "application/json"}}},
        "application/json": {"schema": reference(UrlRequest)},
        "application/octet-stream": {"schema": FILE},
        "image/*": {"schema": FILE},
    },
}


@router.post(
    "/optimize",
    summary="Make an image smaller",
    response_class=Response,
    responses={
        200: {
            "description": "The image, or with `Accept: application/json` the receipt.",
            "content": {"image/*": {"schema": FILE}},
            "headers": result_headers(),
            "model": Receipt,
        },
        **refusals(400, 401, 403, 408, 409, 410, 413, 415, 422, 429, 502, 503, 504),
    },
    openapi_extra={"parameters": query_options(), "requestBody": BODY, "security": SECURITY_OR_TICKET},
)
async def optimize(request: Request, parts: ServicesDep, who: GuestDep, upload: UploadDep) -> Response:
    """Send the file as form field `file` (options as JSON in `options`), its URL as JSON, or the raw body.

    With a raw body, options go into the query. With `storage` in the options of a form or JSON, the result is put into
    a store and the answer is the receipt; where keys are set, a name of one's own needs one. When storing fails, the
    problem says so and has the receipt with a small image; whoever prefers `image/*` gets the bytes under the same
    status.

    A browser may come with a ticket instead of a key: `Authorization: Ticket TICKET`, or `ticket` in the query.
    """
    destination = resolve(upload, parts, who) if upload.storage else None
    outcome = await while_connected(request, parts.recall.run(upload.source, upload.policy, upload.spans))
    missed_by = parts.estimated.error(upload.source.data, upload.policy, outcome.reduction_percent)
    if missed_by is not None:
        ESTIMATE_ERROR.observe(missed_by)
    accept = request.headers.get("accept", "")
    if destination:
        # Not ended by a caller who hangs up: what is half sent would be sent in vain.
        return await stored_answer(outcome, destination, accept)
    prefers_json = prefers(accept, "application/json", over="image/*")
    return receipt_answer(outcome) if prefers_json else image_answer(outcome)
