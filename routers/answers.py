"""An Outcome as a caller sees it: bytes with headers, or a receipt."""

import base64
import hashlib
import re
from pathlib import PurePath
from urllib.parse import quote

from fastapi import Response
from fastapi.responses import JSONResponse

from optimizers.base import FormatSpec
from optimizers.outcome import Outcome
from schemas import CandidateReceipt, Receipt, StoredReceipt, to_json
from security.rate_limiter import Decision

DATA_URL_LIMIT = 1 << 20
ACTIVE_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"

RESULT_HEADERS = (
    "X-Original-Size",
    "X-Optimized-Size",
    "X-Reduction-Percent",
    "X-Original-Format",
    "X-Optimized-Format",
    "X-Optimization-Method",
    "X-Optimization-Reason",
    "X-Quality-Used",
    "X-Quality-Score",
    "X-Metadata-Removed",
    "X-Metadata-Kept",
    "X-Storage-Error",
    "Image-Width",
    "Image-Height",
    "Content-Digest",
    "Content-Disposition",
    "Server-Timing",
    "Cache-Status",
    "X-Request-ID",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
)


def image_answer(outcome: Outcome) -> Response:
    """The bytes, with every fact in the headers."""
    headers = facts(outcome) | {
        "Content-Disposition": disposition(outcome),
        "Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(outcome.data).digest()).decode()}:",
        "Vary": "Accept",
    }
    if outcome.made.active:
        headers["Content-Security-Policy"] = ACTIVE_CSP
    return Response(outcome.data, headers=headers, media_type=outcome.made.mime)


def receipt_answer(outcome: Outcome, stored: StoredReceipt | None = None) -> Response:
    """The receipt as JSON; with a small image inside, or where it was put."""
    return JSONResponse(to_json(receipt(outcome, stored)), headers=facts(outcome) | {"Vary": "Accept"})


def address_answer(outcome: Outcome, stored: StoredReceipt) -> Response:
    """The receipt with the address of the stored image before everything else."""
    document = {"url": stored.url, **to_json(receipt(outcome, stored))}
    return JSONResponse(document, headers=facts(outcome) | {"Vary": "Accept"})


def facts(outcome: Outcome) -> dict[str, str]:
    """The facts of a result that fit into headers."""
    width, height = outcome.before.displayed_size
    values = {
        "X-Original-Size": len(outcome.source.data),
        "X-Optimized-Size": len(outcome.data),
        "X-Reduction-Percent": outcome.reduction_percent,
        "X-Original-Format": outcome.spec.name,
        "X-Optimized-Format": outcome.made.name,
        "X-Optimization-Method": outcome.method,
        "X-Optimization-Reason": outcome.reason,
        "X-Quality-Used": outcome.quality,
        "X-Quality-Score": None if outcome.score is None else f"ssimulacra2={outcome.score:.1f}",
        "X-Metadata-Removed": ", ".join(outcome.removed) or None,
        "X-Metadata-Kept": ", ".join(outcome.kept) or None,
        "Image-Width": width,
        "Image-Height": height,
        "Server-Timing": ", ".join(f"{name};dur={ms:.1f}" for name, ms in outcome.spans.items()) or None,
        "Cache-Status": f"pare; {outcome.cache}" if outcome.cache else None,
    }
    return {name: str(value) for name, value in values.items() if value is not None}


def receipt(outcome: Outcome, stored: StoredReceipt | None = None) -> Receipt:
    """The whole story of one picture."""
    width, height = outcome.before.displayed_size
    image = None
    if not stored and len(outcome.data) <= DATA_URL_LIMIT:
        image = f"data:{outcome.made.mime};base64,{base64.b64encode(outcome.data).decode()}"
    return Receipt(
        original_size=len(outcome.source.data),
        optimized_size=len(outcome.data),
        reduction_percent=outcome.reduction_percent,
        original_format=outcome.spec.name,
        optimized_format=outcome.made.name,
        method=outcome.method,
        reason=outcome.reason,
        quality_used=outcome.quality,
        score=outcome.score,
        width=width,
        height=height,
        frames=outcome.before.frames,
        animated=bool(outcome.before.durations),
        removed=list(outcome.removed),
        kept=list(outcome.kept),
        candidates=[
            CandidateReceipt(
                method=attempt.method,
                dial=attempt.dial,
                bytes=attempt.size,
                score=attempt.score,
                lossless=attempt.lossless,
                milliseconds=round(attempt.milliseconds, 1),
                verdict=attempt.verdict,
            )
            for attempt in outcome.attempts
        ],
        image=image,
        storage=stored,
    )


def rate_headers(decision: Decision) -> dict[str, str]:
    """What is left of the caller's allowances: the IETF draft's fields, and the older ones in seconds."""
    if not decision.standings:
        return {}
    tightest = decision.tightest
    allowances = [s.allowance for s in decision.standings]
    return {
        "RateLimit-Policy": ", ".join(f'"{a.name}";q={a.calls};w={a.seconds}' for a in allowances),
        "RateLimit": f'"{tightest.allowance.name}";r={tightest.remaining};t={tightest.reset}',
        "X-RateLimit-Limit": str(tightest.allowance.calls),
        "X-RateLimit-Remaining": str(tightest.remaining),
        "X-RateLimit-Reset": str(tightest.reset),
    }


def disposition(outcome: Outcome) -> str:
    """The sender's file name with the result's extension (RFC 6266)."""
    return inline(outcome.source.filename or "", outcome.made)


def inline(filename: str, made: FormatSpec) -> str:
    """A result to be shown, under a file name with the extension of its format (RFC 6266)."""
    path = PurePath(filename.replace("\\", "/"))
    stem = re.sub(r"[\x00-\x1f\x7f/\"]", "", path.stem).strip()[:100] or "image"
    given = path.suffix.lower().lstrip(".")
    extension = given if given in made.extensions else made.extensions[0]
    name = f"{stem}.{extension}"
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace("\\", "_")
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(name, errors='replace')}"
