"""What an answer under attack has to look like."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

HONEST = {200, 400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 502, 503, 504}
"""Everything the contract knows; 500 is always a bug."""
MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


@dataclass
class Tally:
    """Inputs tried in one area, and in words whatever was wrong."""

    area: str
    inputs: int = 0
    failures: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def note(self, what: str, *wrong: str) -> None:
        """Count one input."""
        self.inputs += 1
        self.failures += [f"{what}: {fault}" for fault in wrong if fault]


def fault_of(answer: httpx.Response) -> str:
    """What is wrong with an answer, whatever was asked; empty when it is sound."""
    status = answer.status_code
    if status not in HONEST:
        return f"answered {status}"
    if status == 200:
        return ""
    if answer.headers.get("content-type") != "application/problem+json":
        return f"{status} is no problem document"
    if status in (429, 503) and retry_after(answer.headers) < 1:
        return f"{status} without Retry-After"
    document = answer.json()
    if missing := MEMBERS - document.keys():
        return f"{status} without {', '.join(sorted(missing))}"
    return "" if document["status"] == status else f"{status} calls itself {document['status']}"


def retry_after(headers: Mapping[str, str]) -> int:
    """Seconds that a refusal asks for; 0 where it does not say."""
    value = headers.get("retry-after", "")
    return int(value) if value.isdecimal() else 0
