"""POST /tickets: what lets a browser send an image without a key."""

import time
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from routers.deps import KeyHolderDep, ServicesDep, TermsDep
from routers.documents import ALWAYS, SECURITY, reference, refusals
from schemas import TicketReceipt, TicketRequest, to_json
from security.tickets import Ticket

router = APIRouter(tags=["optimize"])
BODY: dict[str, Any] = {"required": True, "content": {"application/json": {"schema": reference(TicketRequest)}}}


@router.post(
    "/tickets",
    summary="Let a browser upload without a key",
    status_code=201,
    response_class=JSONResponse,
    responses={
        201: {"description": "The ticket.", "headers": ALWAYS, "model": TicketReceipt},
        **refusals(400, 401, 408, 413, 429, 503),
    },
    openapi_extra={"requestBody": BODY, "security": SECURITY},
)
async def tickets(parts: ServicesDep, who: KeyHolderDep, terms: TermsDep) -> JSONResponse:
    """A signed ticket with which anybody may `uses` times POST an image to /optimize, until it expires.

    Its limits and options hold whatever its bearer says. It ends early when the key that made it is taken out of use.
    """
    most = parts.settings.max_file_size
    ticket = Ticket(
        tenant=who.name if who.authenticated else "",
        expires=int(time.time()) + terms.expires_in,
        uses=terms.uses,
        max_bytes=min(terms.max_bytes or most, most),
        formats=tuple(terms.formats or ()),
        optimization=to_json(terms.optimization, only_given=True),
    )
    token = parts.tickets.mint(ticket)
    expires_at = datetime.fromtimestamp(ticket.expires, UTC).isoformat().replace("+00:00", "Z")
    receipt = TicketReceipt(ticket=token, expires_at=expires_at, url=f"/optimize?ticket={token}")
    return JSONResponse(to_json(receipt), 201, {"Cache-Control": "no-store"})
