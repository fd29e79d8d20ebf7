"""What a caller's `callback_url` is told, delivered until it is taken."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from exceptions import PareError, Unavailable, UrlRefused
from library.database import Database
from library.repository import webhooks
from library.tables import WebhookDelivery
from security.webhooks import signed_headers
from utils.url_post import Poster, PostFailed

SECONDS = 15.0
"""How long a receiver may take to answer, as the Standard Webhooks specification says."""
MOST_URL = 2048
log = structlog.get_logger("pare.webhooks")


def payload(kind: str, moment: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """A message of the kind, such as `image.completed`."""
    return {"type": kind, "timestamp": moment, "data": dict(data)}


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Judges addresses that messages shall go to; `check_url` raises UrlRefused."""

    check_url: Callable[[str], None]
    can_sign: bool

    def check(self, url: str) -> None:
        """Raises UrlRefused, or Unavailable where nothing is there to sign with."""
        if not self.can_sign:
            raise Unavailable("messages are signed with WEBHOOK_SECRET, which is not set")
        if len(url) > MOST_URL:
            raise UrlRefused(f"the URL is longer than {MOST_URL:,} characters", limit=MOST_URL, actual=len(url))
        self.check_url(url)


class Courier:
    """Delivers messages that are due, one after another; several couriers never carry the same one."""

    def __init__(self, database: Database, poster: Poster, secret: bytes) -> None:
        self._database = database
        self._poster = poster
        self._secret = secret

    async def deliver_due(self) -> int:
        """Try every message whose time has come; how many there were."""
        count = 0
        while (message := await self._next()) is not None:
            count += 1
            await self._deliver(message)
        return count

    async def _next(self) -> WebhookDelivery | None:
        async with self._database.writing() as session:
            return await webhooks.due(session)

    async def _deliver(self, message: WebhookDelivery) -> None:
        body = json.dumps(message.payload, separators=(",", ":")).encode()
        headers = signed_headers(self._secret, message.id, int(time.time()), body)
        try:
            await self._poster.post(message.url, body, headers)
        except PostFailed as error:
            await self._not_taken(message, str(error), for_good=error.gone)
        except PareError as error:  # an address that may not be called
            await self._not_taken(message, error.detail, for_good=True)
        else:
            async with self._database.writing() as session:
                await webhooks.delivered(session, message)

    async def _not_taken(self, message: WebhookDelivery, error: str, *, for_good: bool) -> None:
        async with self._database.writing() as session:
            given_up = await webhooks.refused(session, message, error, for_good=for_good)
        log.warning("a webhook was not taken", job=message.job_id, error=error, given_up=given_up)
