"""JSON lines on standard output, one event each, written by a thread of their own so that no request waits for them."""

import logging
import logging.handlers
import queue
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

OWN = ("pare", "uvicorn")
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _cloud_names(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cloud Logging reads `severity` and `message`."""
    event["severity"] = event.pop("level", method).upper()
    event["message"] = event.pop("event")
    return event


@contextmanager
def json_logging(level: str, service: str) -> Iterator[None]:
    """Route structlog and the standard library's loggers to one queue and one writing thread.

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
            _cloud_names,
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
