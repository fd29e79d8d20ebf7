"""GET /: the page for people, with its own scripts and styles; nothing of it comes from anywhere else."""

import gzip
import hashlib
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from config import ROOT
from optimizers.router import TARGETS
from routers.conditional import has
from routers.deps import ServicesDep
from security.rate_limiter import allowances

router = APIRouter(include_in_schema=False)
FOLDER = ROOT / "web"
CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
REVALIDATED = "no-cache"
FOREVER = "public, max-age=31536000, immutable"
TYPES = {".js": "text/javascript; charset=utf-8", ".woff2": "font/woff2"}
"""What the machine's own table of types may know otherwise."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the page, plain and packed."""

    data: bytes
    media_type: str
    packed: bytes
    etag: str


def load(folder: Path) -> tuple[dict[str, Asset], str]:
    """Every file by its path, and the revision of them all, under which `index.html` names the others."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    revision = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:12]
    files["index.html"] = _with_modules(files["index.html"], files).replace(b'"/web/', f'"/web/{revision}/'.encode())
    return {name: _asset(name, data) for name, data in files.items()}, revision


def _with_modules(page: bytes, files: Iterable[str]) -> bytes:
    """The page naming every script it will import, so that none waits for another to be read."""
    scripts = sorted(name for name in files if name.endswith(".js"))
    links = "".join(f'<link rel="modulepreload" href="/web/{name}">\n  ' for name in scripts)
    return page.replace(b"<script ", f"{links}<script ".encode(), 1)


def _asset(name: str, data: bytes) -> Asset:
    media_type = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(data, media_type, gzip.compress(data, mtime=0), hashlib.sha256(data).hexdigest()[:16])


ASSETS, REVISION = load(FOLDER)


@router.head("/")
@router.get("/")
async def page(request: Request) -> Response:
    """The page itself."""
    return _answer(request, ASSETS["index.html"], REVALIDATED)


@router.get("/web/service.json")
async def service(parts: ServicesDep) -> JSONResponse:
    """What the page has to know about the service it talks to: limits, formats, whether a key is needed."""
    settings = parts.settings
    public = allowances(settings.rate_limit_public_rpm, settings.rate_limit_public_burst)
    document = {
        "max_file_size": settings.max_file_size,
        "key_needed": settings.require_auth,
        "allowances": [{"name": a.name, "calls": a.calls, "seconds": a.seconds} for a in public],
        "formats": {optimizer.spec.name: optimizer.spec.extensions for optimizer in parts.engine.formats},
        "targets": sorted({spec.name for spec in TARGETS.values()}),
    }
    return JSONResponse(document, headers={"Cache-Control": "no-store"})


@router.head("/web/{revision}/{name:path}")
@router.get("/web/{revision}/{name:path}")
async def asset(revision: str, name: str, request: Request) -> Response:
    """A script, style, font or drawing of the page; for ever under the revision that the page names."""
    found = ASSETS.get(name)
    if found is None:
        raise HTTPException(404, "the page has no such file")
    return _answer(request, found, FOREVER if revision == REVISION else REVALIDATED)


def _answer(request: Request, asset: Asset, caching: str) -> Response:
    """The file, packed for who takes it so; 304 to who has it."""
    packs = "gzip" in request.headers.get("accept-encoding", "") and len(asset.packed) < len(asset.data)
    etag = f'"{asset.etag}{"-gzip" if packs else ""}"'
    headers = {"ETag": etag, "Cache-Control": caching, "Vary": "Accept-Encoding", "Content-Security-Policy": CSP}
    if has(request.headers, etag):
        return Response(status_code=304, headers=headers)
    if packs:
        headers["Content-Encoding"] = "gzip"
    return Response(asset.packed if packs else asset.data, headers=headers, media_type=asset.media_type)
