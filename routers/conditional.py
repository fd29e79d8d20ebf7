"""Whether a client has it already (RFC 9110, 13)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from starlette.datastructures import Headers

TAG = re.compile(r'(?:W/)?("[^"]*")')


def not_modified(headers: Headers, etag: str, modified: datetime) -> bool:
    """Whether `If-None-Match` names the tag, in a list or as `*`, or else nothing changed since `If-Modified-Since`."""
    given = ",".join(headers.getlist("if-none-match"))
    if given:
        return given.strip() == "*" or etag.removeprefix("W/") in TAG.findall(given)
    since = _date(headers.get("if-modified-since", ""))
    return since is not None and modified.replace(microsecond=0) <= since


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
