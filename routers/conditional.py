"""Whether a client has it already (RFC 9110, 13)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from starlette.datastructures import Headers

TAG = re.compile(r'(?:W/)?("[^"]*")')


def has(headers: Headers, etag: str) -> bool:
    """Whether `If-None-Match` names the tag, in a list or as `*`."""
    given = _given(headers)
    return given.strip() == "*" or etag.removeprefix("W/") in TAG.findall(given)


def not_modified(headers: Headers, etag: str, modified: datetime) -> bool:
    """Whether `If-None-Match` names the tag or else, without one, nothing changed since `If-Modified-Since`."""
    if _given(headers):
        return has(headers, etag)
    since = _date(headers.get("if-modified-since", ""))
    return since is not None and modified.replace(microsecond=0) <= since


def _given(headers: Headers) -> str:
    return ",".join(headers.getlist("if-none-match"))


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
