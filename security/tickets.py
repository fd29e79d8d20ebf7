"""Tickets: what lets a browser send an image to /optimize without a key, for a short time and a few times.

A ticket says all that it allows, signed; only how often it was used lies elsewhere, where calls are counted, too.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any

from limits.aio.storage import Storage

from exceptions import TicketGone, Unauthorized, Unavailable
from security.rate_limiter import REDIS_SECONDS
from security.signing import Signer

GRACE_SECONDS = 60
"""How much longer than the ticket its uses are remembered: clocks differ."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What one ticket allows."""

    tenant: str
    """The name of the key that it was asked for with; empty where the service knows no keys."""
    expires: int
    """Seconds since 1970."""
    uses: int
    max_bytes: int
    formats: tuple[str, ...] = ()
    """Formats that the image may have; none for all."""
    optimization: dict[str, Any] = field(default_factory=dict)
    """Options that hold whatever its bearer says."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(12))


class Tickets:
    """Writes, reads and counts tickets; `tenants` are the names of the live keys."""

    def __init__(self, signer: Signer, storage: Storage, tenants: Collection[str]) -> None:
        self._signer = signer
        self._storage = storage
        self._tenants = tenants or ("",)

    def mint(self, ticket: Ticket) -> str:
        """The ticket as a text. Raises Unavailable where nothing is there to sign it with."""
        if not self._signer:
            raise Unavailable("tickets are signed with TICKET_SECRET or API_KEY, and neither is set")
        return self._signer.sign(json.dumps(asdict(ticket), separators=(",", ":")).encode())

    def read(self, token: str) -> Ticket:
        """What a ticket of ours allows. Raises Unauthorized, TicketGone."""
        try:
            allowed = json.loads(self._signer.verify(token))
            ticket = Ticket(**{**allowed, "formats": tuple(allowed["formats"])})
        except (ValueError, KeyError, TypeError):
            raise Unauthorized("the ticket is not valid") from None
        if ticket.tenant not in self._tenants:
            raise Unauthorized("the key that the ticket was made with is no longer valid")
        if time.time() >= ticket.expires:
            raise TicketGone("the ticket has expired")
        return ticket

    async def expect_use(self, ticket: Ticket) -> None:
        """Raises TicketGone where no use is left just now; one that is may be gone later."""
        if await self._counted(ticket, 0) >= ticket.uses:
            raise TicketGone("the ticket is used up")

    async def use(self, ticket: Ticket) -> None:
        """Take one use, which is not given back. Raises TicketGone."""
        if await self._counted(ticket, 1) > ticket.uses:
            raise TicketGone("the ticket is used up")

    async def _counted(self, ticket: Ticket, more: int) -> int:
        key = f"ticket:{ticket.id}"
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                if not more:
                    return await self._storage.get(key)
                return await self._storage.incr(key, ticket.expires - int(time.time()) + GRACE_SECONDS, more)
        except Exception as error:
            # Unlike a rate limit, a ticket is a promise to whoever pays for its uses.
            raise Unavailable("the uses of tickets cannot be counted just now") from error
