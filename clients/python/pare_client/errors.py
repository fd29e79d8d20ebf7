"""What can go wrong: the service refuses, does not answer, or a job fails or takes too long."""

from collections.abc import Mapping
from typing import Any


class PareError(Exception):
    """The root of all."""


class Unreachable(PareError):
    """No answer came, however often it was asked for."""


class ApiError(PareError):
    """The service refused; `code` is stable, `problem` the whole document (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.problem = dict(problem)
        self.code = str(problem.get("code") or problem.get("error") or "unknown")
        self.detail = str(problem.get("detail") or problem.get("message") or problem.get("title") or "")
        self.request_id: str | None = problem.get("request_id")
        self.retry_after = retry_after
        """Seconds after which another try may help."""
        super().__init__(f"{status} {self.code}: {self.detail}")


class Failed(PareError):
    """A job ended without a result; the message is the job's own."""


class TookTooLong(PareError):
    """A job was still not done when the time was over."""
