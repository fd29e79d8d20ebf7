"""POST /optimize: a picture in, the same picture in fewer bytes out."""

from typing import Any

from fastapi import APIRouter, Request, Response

from routers.accept import prefers
from routers.answers import image_answer, receipt_answer
from routers.connection import while_connected
from routers.deps import ServicesDep, UploadDep
from schemas import OptimizationOptions, Problem, Receipt
from utils.metrics import ESTIMATE_ERROR

router = APIRouter(tags=["optimize"])

FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "The image; judged by its bytes alone."},
        "options": {"type": "string", "contentMediaType": "application/json", "description": "Options as a JSON text."},
    },
    "additionalProperties": False,
}
BY_URL = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {"type": "string", "format": "uri", "description": "http or https, at a public address."},
        "optimization": {"type": "object", "description": "Options, as in the form field `options`."},
    },
    "additionalProperties": False,
}
BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {"schema": FORM},
        "application/json": {"schema": BY_URL},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}


def _query_parameters() -> list[dict[str, Any]]:
    schema = OptimizationOptions.model_json_schema(ref_template="#/components/schemas/{model}")
    return [
        {"name": name, "in": "query", "required": False, "schema": field, "description": "For a raw body."}
        for name, field in schema["properties"].items()
    ]


@router.post(
    "/optimize",
    summary="Make an image smaller",
    response_class=Response,
    responses={
        200: {
            "description": "The image, or with `Accept: application/json` the receipt.",
            "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
            "model": Receipt,
        },
        **{status: {"model": Problem} for status in (400, 401, 408, 413, 415, 422, 429, 502, 503, 504)},
    },
    openapi_extra={"requestBody": BODY},
)
async def optimize(request: Request, parts: ServicesDep, upload: UploadDep) -> Response:
    """Send the file as form field `file` (options as JSON in `options`), its URL as JSON, or the raw body.

    With a raw body, options go into the query.
    """
    outcome = await while_connected(request, parts.engine.run(upload.source, upload.policy, upload.spans))
    missed_by = parts.estimated.error(upload.source.data, upload.policy, outcome.reduction_percent)
    if missed_by is not None:
        ESTIMATE_ERROR.observe(missed_by)
    prefers_json = prefers(request.headers.get("accept", ""), "application/json", over="image/*")
    return receipt_answer(outcome) if prefers_json else image_answer(outcome)
