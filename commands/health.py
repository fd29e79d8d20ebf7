"""`health`: what works here, or at an address."""

import json as text
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from commands.exits import Exit, Wrong
from commands.show import json_line, table, warn
from commands.workbench import settings, workbench
from optimizers.selftest import impaired, self_test

SECONDS = 5


async def health(url: str | None, *, json: bool) -> Exit:
    """Every tool encodes a tiny picture; with `url`, that service is asked. OK where nothing is degraded."""
    document = _asked(url) if url else await _tested()
    if json:
        json_line(document)
    else:
        _show(document)
    return Exit.OK if document["status"] == "ok" else Exit.FAILED


async def _tested() -> dict[str, Any]:
    async with workbench(settings(), 1) as machinery:
        reports = await self_test(machinery.engine, machinery.runner)
        broken = impaired(machinery.engine.formats, reports)
        formats = {
            f.spec.name: {"tools": f.spec.tools, "works": f.spec.name not in broken} for f in machinery.engine.formats
        }
    tools = {r.tool: {"available": r.available, "version": r.version, "self_test": r.works} for r in reports}
    return {"status": "degraded" if broken else "ok", "tools": tools, "formats": formats}


def _asked(url: str) -> dict[str, Any]:
    """What GET /health says; unreachable is a status, too."""
    if not url.startswith(("http://", "https://")):
        raise Wrong(f"--url is wrong: {url!r} is no http address")
    try:
        with urlopen(f"{url.rstrip('/')}/health", timeout=SECONDS) as answer:  # noqa: S310 - http alone, see above
            document: dict[str, Any] = text.load(answer)
            return document
    except (HTTPError, URLError, OSError, ValueError) as error:
        warn(f"{url} does not answer: {error}")
        return {"status": "unreachable", "tools": {}, "formats": {}}


def _show(document: dict[str, Any]) -> None:
    tools = document["tools"].items()
    rows = [(name, tool["version"] or "–", _word(tool["available"], tool["self_test"])) for name, tool in tools]
    formats = document["formats"].items()
    rows += [(name, ", ".join(known["tools"]), _word(True, known["works"])) for name, known in formats]
    rows += [(name, "", state) for name, state in document.get("checks", {}).items()]
    table(("tool, format or check", "version or tools", "state"), rows, ("status", "", document["status"]))


def _word(available: bool, works: bool) -> str:
    return "works" if works else "does not work" if available else "missing"
