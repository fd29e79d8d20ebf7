"""What the OpenAPI document says beyond what the framework sees: refusals, headers, bodies that are read by hand."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from routers.answers import RESULT_HEADERS
from routers.catalog_models import CompareForm, CompareRequest, PurgeRequest, UploadForm, UseRequest
from routers.examples import illustrate
from routers.library_models import BatchRequest
from routers.tinify_options import Commands, SourceRequest
from schemas import (
    QUALITY_HEADER,
    CompressOptions,
    EstimateRequest,
    OptimizationOptions,
    Problem,
    RequestOptions,
    TicketRequest,
    TinifyProblem,
    UrlRequest,
)

MODELS: tuple[type[BaseModel], ...] = (
    Problem,
    OptimizationOptions,
    RequestOptions,
    TicketRequest,
    UrlRequest,
    EstimateRequest,
    TinifyProblem,
    Commands,
    SourceRequest,
    BatchRequest,
    CompareForm,
    CompareRequest,
    PurgeRequest,
    UploadForm,
    UseRequest,
)
"""Named by `reference`; no handler's signature tells the framework about them."""
TEMPLATE = "#/components/schemas/{model}"
SECURITY: list[dict[str, list[str]]] = [{}, {"bearer": []}, {"header": []}, {"basic": []}]
"""A key in any of three spellings, or none: REQUIRE_AUTH decides."""
SECURITY_OR_TICKET = [*SECURITY, {"ticket": []}]
TOKEN: list[dict[str, list[str]]] = [{"jwt": []}]
"""A user's token, which /api/v1 takes and nothing else does."""
SCHEMES = {
    "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "`sub` is the user."},
    "ticket": {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "From POST /tickets; or as `Authorization: Ticket TICKET`.",
    },
    "bearer": {"type": "http", "scheme": "bearer"},
    "basic": {"type": "http", "scheme": "basic", "description": "User `api`, the key as password."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
NUMBERS = frozenset(
    (
        "X-Original-Size",
        "X-Optimized-Size",
        "X-Quality-Used",
        "Image-Width",
        "Image-Height",
        "X-RateLimit-Limit",
        "X-RateLimit-Remaining",
        "X-RateLimit-Reset",
    )
)
ALWAYS = {"X-Request-ID": {"schema": {"type": "string"}, "required": True}}
RETRY = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "required": True, "description": "Seconds."}}
REFUSAL_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    429: RETRY,
    503: RETRY,
}


RAW_ONLY = "Only with a raw body."
FILE = {"type": "string", "format": "binary", "minLength": 1}


def reference(model: type[BaseModel]) -> dict[str, str]:
    """A schema that is one of MODELS."""
    return {"$ref": TEMPLATE.format(model=model.__name__)}


def refusals(*statuses: int, shape: type[BaseModel] = Problem) -> dict[int | str, dict[str, Any]]:
    """The answers that are problem documents, or errors in another shape, for a route's `responses`."""
    kind = "application/problem+json" if shape is Problem else "application/json"
    content = {kind: {"schema": reference(shape)}}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": content,
            "headers": ALWAYS | REFUSAL_HEADERS.get(status, {}),
        }
        for status in statuses
    }


def result_headers() -> dict[str, Any]:
    """The headers of a result; which of them are there depends on what was done."""
    rest = [name for name in RESULT_HEADERS if name not in ("Retry-After", *ALWAYS)]
    return ALWAYS | {name: {"schema": {"type": "integer" if name in NUMBERS else "string"}} for name in rest}


def query_options() -> list[dict[str, Any]]:
    """The optimization options as query parameters."""
    properties = OptimizationOptions.model_json_schema(ref_template=TEMPLATE)["properties"]
    meanings = {name: field.description for name, field in OptimizationOptions.model_fields.items()}
    return [
        {"name": name, "in": "query", "schema": _without_null(field), "description": f"{meanings[name]} {RAW_ONLY}"}
        for name, field in properties.items()
    ]


def compress_options() -> list[dict[str, Any]]:
    """The options of POST /compress: one in a header, one in the query."""
    fields = CompressOptions.model_json_schema()["properties"]
    header = {"name": QUALITY_HEADER, "in": "header", "schema": {"type": "integer", "minimum": 1, "maximum": 100}}
    background = {"name": "background", "in": "query", "schema": fields["background"], "description": RAW_ONLY}
    return [header, background]


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """In a query, what is not given is not null but absent."""
    given: list[dict[str, Any]] = [kind for kind in field.get("anyOf", [field]) if kind != {"type": "null"}]
    return given[0] if len(given) == 1 else {"anyOf": given}


def complete(app: FastAPI) -> None:
    """Add what the references of the routes stand for, take out what never happens; after the last router."""
    for operation in (operation for item in app.openapi()["paths"].values() for operation in item.values()):
        if "HTTPValidationError" in str(operation["responses"].get("422")):
            del operation["responses"]["422"]  # the framework's own refusal, which `problems` answers with 400
    components = app.openapi().setdefault("components", {})
    _, described = models_json_schema([(model, "validation") for model in MODELS], ref_template=TEMPLATE)
    components["schemas"] = described["$defs"] | components.get("schemas", {})
    components["securitySchemes"] = SCHEMES
    _forget_the_frameworks_refusals(app.openapi())
    illustrate(app.openapi())


def _forget_the_frameworks_refusals(document: dict[str, Any]) -> None:
    """What the framework says of wrong parameters never leaves the service: they are a 400 in the one shape."""
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    for item in document["paths"].values():
        for operation in item.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
