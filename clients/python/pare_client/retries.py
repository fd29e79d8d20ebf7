"""When a call is made again: the service says when by `Retry-After`; what was never sent may be sent again."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

BUSY = (429, 503)
"""Nothing was done, and that will pass."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How patient a client is."""

    attempts: int = 4
    """Calls in all."""
    longest_wait: float = 60.0
    """Seconds: a service that says more is not waited for."""
    first_pause: float = 0.5
    """Seconds, doubled each time, where nobody says when; up to as much again is added by chance."""

    def pause(self, made: int, retry_after: float | None) -> float | None:
        """Seconds before the next call, after `made` of them; None where there is none."""
        if made >= self.attempts:
            return None
        if retry_after is None:
            retry_after = self.first_pause * 2 ** (made - 1) * (1 + random.random())  # noqa: S311 - no secret
        return retry_after if retry_after <= self.longest_wait else None


PATIENT = Retries()


def seconds_of(retry_after: str | None) -> float | None:
    """`Retry-After` as seconds from now, which it may also say as a date (RFC 9110, 10.2.3)."""
    if retry_after is None:
        return None
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
