"""GET /docs: the OpenAPI document for people, as one page without scripts; nothing of it comes from anywhere else."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)
STYLE = Path(__file__).with_name("reference.css").read_text()
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CSP = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": CSP, "Cache-Control": "no-cache"}


@router.head("/docs")
@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The reference of this service."""
    return HTMLResponse(page(request.app), headers=HEADERS)


@cache
def page(app: FastAPI) -> str:
    """The whole page; the document does not change while the service runs."""
    document = app.openapi()
    info, schemas = document["info"], document["components"]["schemas"]
    operations = [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
    return "".join(
        (
            "<!doctype html><html lang=en><meta charset=utf-8>",
            "<meta name=viewport content='width=device-width, initial-scale=1'>",
            f"<title>{escape(info['title'])}: reference</title><style>{STYLE}</style>",
            f"<header><h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>",
            f"<p>{escape(info.get('summary', ''))}",
            " <a href=/openapi.json>openapi.json</a> <a href=/errors>Errors</a></header>",
            f"<nav aria-label=Operations><ol>{''.join(_link(*one) for one in operations)}</ol></nav>",
            f"<main>{''.join(_operation(*one, schemas) for one in operations)}</main></html>",
        )
    )


def _anchor(path: str, method: str) -> str:
    return re.sub(r"\W+", "-", f"{method}{path}").strip("-")


def _link(path: str, method: str, operation: dict[str, Any]) -> str:
    name = f"<b>{method.upper()}</b> {escape(path)}"
    return f"<li><a href='#{_anchor(path, method)}'>{name}</a>"


def _operation(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    anchor = _anchor(path, method)
    parts = (
        f"<section id='{anchor}' aria-labelledby='{anchor}-name'>",
        f"<h2 id='{anchor}-name'><b>{method.upper()}</b> {escape(path)}</h2>",
        f"<p class=lead>{_prose(operation.get('summary', ''))}</p>",
        *(f"<p>{_prose(text)}</p>" for text in operation.get("description", "").split("\n\n") if text),
        *(_code(sample["source"]) for sample in operation["x-codeSamples"]),
        _credentials(operation.get("security", [])),
        _parameters(operation.get("parameters", []), schemas),
        *_examples("Body", operation.get("requestBody", {})),
        "<h3>Answers</h3>",
        *(line for status, answer in operation["responses"].items() for line in _answer(status, answer)),
        "</section>",
    )
    return "".join(parts)


def _credentials(security: list[dict[str, Any]]) -> str:
    if not security:
        return ""
    names = ", ".join(escape(name) for scheme in security for name in scheme)
    return f"<p class=aside>Credentials: {names}{' (or none, where the service asks for none)' * ({} in security)}</p>"


def _parameters(parameters: list[dict[str, Any]], schemas: dict[str, Any]) -> str:
    if not parameters:
        return ""
    rows = "".join(
        f"<tr><th scope=row><code>{escape(p['name'])}</code><td>{p['in']}"
        f"<td><code>{escape(_type(p['schema'], schemas))}</code>"
        f"<td>{_prose(p.get('description') or p['schema'].get('description', ''))}"
        for p in parameters
    )
    head = "<tr><th scope=col>Parameter<th scope=col>In<th scope=col>Values<th scope=col>Meaning"
    return (
        f"<div class=wide tabindex=0 role=group aria-label=Parameters><table><thead>{head}<tbody>{rows}</table></div>"
    )


def _type(schema: dict[str, Any], schemas: dict[str, Any]) -> str:
    """What a value may be, in a word."""
    if "$ref" in schema:
        return _type(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return " | ".join(_type(kind, schemas) for kind in schema["anyOf"])
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    low, high = schema.get("minimum"), schema.get("maximum")
    return f"{low}-{high}" if low is not None and high is not None else str(schema.get("type", "any"))


def _answer(status: str, answer: dict[str, Any]) -> Iterator[str]:
    shown = "".join(_examples("", answer))
    title = f"<b>{status}</b> {_prose(answer.get('description', ''))}"
    yield f"<details><summary>{title}</summary>{shown}</details>" if shown else f"<p class=bare>{title}</p>"


def _examples(title: str, place: dict[str, Any]) -> Iterator[str]:
    """Every kind of body, with its examples."""
    content = place.get("content", {})
    if title and content:
        yield f"<h3>{title}</h3>"
    for kind, media in content.items():
        yield f"<p class=kind><code>{escape(kind)}</code></p>"
        if "example" in media:
            yield _code(json.dumps(media["example"], indent=2, ensure_ascii=False))
        for example in media.get("examples", {}).values():
            yield _code(json.dumps(example["value"], indent=2, ensure_ascii=False))


def _code(text: str) -> str:
    return f"<pre tabindex=0><code>{escape(text)}</code></pre>"


def _prose(text: str) -> str:
    """Plain text with names in backticks."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
