"""JSON lines on standard output, one event each, written by a thread of their own so that no request waits for them."""

import logging
import logging.handlers
import queue
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog

OWN = ("pare", "uvicorn")
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _cloud_names(project: str, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cloud Logging reads `severity`, `message` and three names for the place in a trace."""
    event["severity"] = event.pop("level", method).upper()
    event["message"] = event.pop("event")
    if trace_id := event.pop("trace_id", None):
        event["logging.googleapis.com/trace"] = f"projects/{project}/traces/{trace_id}" if project else trace_id
        event["logging.googleapis.com/spanId"] = event.pop("span_id")
        event["logging.googleapis.com/trace_sampled"] = event.pop("trace_sampled")
    return event


@contextmanager
def json_logging(level: str, service: str, project: str = "") -> Iterator[None]:
    """Route structlog and the standard library's loggers to one queue and one writing thread.

    `project` is the Google Cloud project that traces are in.
    Libraries are heard from WARNING on: what they say below holds the URLs and headers of requests.
    """

    def name_service(logger: logging.Logger, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {"service": service, **event}

    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            name_service,
            partial(_cloud_names, project),
            structlog.processors.JSONRenderer(),
        ],
    )
    writer = logging.StreamHandler(sys.stdout)
    writer.setFormatter(formatter)
    lines: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    entrance = _KeepAsIs(lines)
    listener = logging.handlers.QueueListener(lines, writer)
    root = logging.getLogger()
    root.handlers, root.level = [entrance], max(logging.WARNING, logging.getLevelName(level))
    for own in OWN:
        logging.getLogger(own).setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    listener.start()
    try:
        yield
    finally:
        listener.stop()
        root.handlers = []


class _KeepAsIs(logging.handlers.QueueHandler):
    """Hands records on unformatted: the writing thread formats."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record
