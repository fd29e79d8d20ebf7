"""A real example (`examples.json`) for every request, answer and refusal of the document, and a command to send it."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exceptions import STATUS, Status
from routers.problems import FRAMEWORK, tinify_word

Json = dict[str, Any]
ORIGIN = "http://localhost:8080"
PROBLEM = "application/problem+json"
BINARY = "binary"
ROWS = (*STATUS.values(), *FRAMEWORK)
REQUEST_ID = "0b8f6a52-6f2b-4f0c-9b1f-2f5c0a6e2f3d"
DATA: Json = json.loads(Path(__file__).with_name("examples.json").read_text())
PARAMETERS: Json = DATA["parameters"]
"""What stands for a parameter that has to be there."""
MODELS: Json = DATA["models"]
"""By the names of schemas."""
OPERATIONS: Json = DATA["operations"]
"""Answers that no model describes, by method and path."""
DETAILS: Json = DATA["details"]
"""What a refusal says, and what it says it with, where that is more than its title."""


def illustrate(document: Json) -> None:
    """Give every request, answer, refusal and parameter that has no example one."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for parameter in operation.get("parameters", ()):
                if parameter.get("required"):
                    said = parameter["schema"].get("examples", [parameter["name"]])[0]
                    parameter.setdefault("example", PARAMETERS.get(parameter["name"], said))
            for media in _media(operation):
                _example(media, document, OPERATIONS.get(f"{method} {path}"))
            for status, answer in operation["responses"].items():
                _refusals(answer.get("content", {}), int(status), path)
            operation["x-codeSamples"] = [{"lang": "Shell", "source": command(method, path, operation)}]


def _media(operation: Json) -> Iterator[Json]:
    """The JSON documents of requests and answers."""
    for place in (operation.get("requestBody", {}), *operation["responses"].values()):
        if media := place.get("content", {}).get("application/json"):
            yield media


def _example(media: Json, document: Json, plain: Json | None) -> None:
    """By the names of the models that the schema refers to, or what those models say of themselves."""
    if "example" in media or "examples" in media:
        return
    schema, models = media["schema"], document["components"]["schemas"]
    names = [kind["$ref"].rpartition("/")[2] for kind in (schema, *schema.get("anyOf", ())) if "$ref" in kind]
    found = {name: _own(models[name]) or MODELS.get(name) for name in names}
    given = found if names else {"answer": plain}
    media["examples"] = {name: {"value": value} for name, value in given.items() if value is not None}


def _own(schema: Json) -> Any:
    """What a schema says of itself."""
    return schema.get("example") or next(iter(schema.get("examples", ())), None)


def _refusals(content: Json, status: int, path: str) -> None:
    """Every code that goes with the status."""
    rows = {row.code: row for row in ROWS if row.status == status}
    for kind, media in content.items():
        tinify = "TinifyProblem" in media.get("schema", {}).get("$ref", "")
        if status >= 400 and (tinify or kind == PROBLEM):
            media["examples"] = {
                code: {"value": _tinify(row) if tinify else _problem(row, path)} for code, row in rows.items()
            }


def _problem(row: Status, path: str) -> Json:
    said = {"type": f"/errors#{row.code}", "title": row.title, "status": row.status, "detail": row.title}
    return {**said, "instance": path, "code": row.code, "request_id": REQUEST_ID, **DETAILS.get(row.code, {})}


def _tinify(row: Status) -> Json:
    return {"error": tinify_word(row.code), "message": DETAILS.get(row.code, {}).get("detail", row.title)}


def command(method: str, path: str, operation: Json) -> str:
    """A curl command for the operation, with its first body and, where one is needed, a credential."""
    query = []
    for parameter in operation.get("parameters", ()):
        value = str(parameter.get("example"))
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", value)
        elif parameter["in"] == "query" and parameter.get("required"):
            query.append(f"{parameter['name']}={value}")
    body = _body(operation.get("requestBody", {}).get("content", {}))
    words = ["curl", *([] if method == "get" or (body and method == "post") else ["-X", method.upper()])]
    security = operation.get("security") or [{}]
    if {} not in security:
        words += ["-H", f"Authorization: Bearer ${'TOKEN' if 'jwt' in security[0] else 'KEY'}"]
    good = [answer for status, answer in operation["responses"].items() if status < "300"]
    kinds = [kind for answer in good for kind in answer.get("content", ())]
    ending = ["-o", "result"] if kinds[:1] and kinds[0].startswith("image/") else []
    address = ORIGIN + path + ("?" + "&".join(query) if query else "")
    return " ".join(map(_quoted, [*words, *body, address, *ending]))


def _body(content: Json) -> list[str]:
    """The first kind of body that there is, in the words of curl."""
    if form := content.get("multipart/form-data"):
        example = form.get("example") or _own(form["schema"]) or {}
        fields = form["schema"]["properties"]
        files = [name for name, field in fields.items() if field.get("format") == BINARY]
        pairs = [f"{name}=@photo.jpg" for name in files]
        pairs += [f"{name}={example[name]}" for name in fields if name in example and name not in files]
        return [word for pair in pairs for word in ("-F", pair)]
    if "application/octet-stream" in content:
        return ["--data-binary", "@photo.jpg"]
    if document := content.get("application/json"):
        text = json.dumps(document.get("example") or next(iter(document["examples"].values()))["value"])
        return ["-H", "Content-Type: application/json", "-d", text]
    return []


def _quoted(word: str) -> str:
    """For a shell that shall put the key in."""
    return f'"{word}"' if "$" in word else shlex.quote(word)
