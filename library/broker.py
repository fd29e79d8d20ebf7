"""The queue between those who accept jobs and those who do them: Celery on Redis, or on a folder where there is none.

A message says only which row wants attention. The row is the truth: a message that is lost is sent again, and one that
comes twice finds nothing to do.
"""

import asyncio
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import structlog

from utils.breaker import BREAKER_SECONDS

if TYPE_CHECKING:
    from celery import Celery

QUEUE = "pare"
INGEST = "pare.ingest"
BATCH = "pare.batch"
SECONDS = 2.0
"""How long sending may wait for Redis."""
POLL_SECONDS = 0.05
"""Between looks into the folder."""
VISIBILITY_SECONDS = 3600
"""When Redis gives the message of a vanished worker to another; the row's lease ends much sooner."""
log = structlog.get_logger("pare.queue")


def make_celery(redis_url: str, folder: Path) -> "Celery":
    """The application for both ends; nothing is connected yet."""
    from celery import Celery  # a third of a second, which a service without uploads is spared

    app = Celery("pare", set_as_current=False, fixups=[])
    app.conf.update(
        **(_on_redis(redis_url) if redis_url else _on_folder(folder)),
        accept_content=["json"],
        broker_connection_max_retries=None,  # a worker waits for its Redis for as long as it takes
        broker_connection_retry_on_startup=True,
        enable_utc=True,
        task_acks_late=True,
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_publish_retry=False,
        task_reject_on_worker_lost=True,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
        worker_redirect_stdouts=False,
    )
    return app


def next_database(redis_url: str) -> str:
    """The same Redis, the next database number: clearing a cache shall not clear the queue."""
    parts = urlsplit(redis_url)
    number = parts.path.strip("/")
    return urlunsplit(parts._replace(path=f"/{int(number or 0) + 1}"))


def _on_redis(url: str) -> dict[str, Any]:
    limits = {"socket_timeout": 2 * SECONDS, "socket_connect_timeout": SECONDS, "max_retries": 1}
    return {
        "broker_url": next_database(url),
        "broker_transport_options": {"visibility_timeout": VISIBILITY_SECONDS, **limits},
        "worker_send_task_events": True,  # for Flower
    }


def _on_folder(folder: Path) -> dict[str, Any]:
    from library.folder_broker import SCHEME

    messages = folder / "messages"
    messages.mkdir(mode=0o700, parents=True, exist_ok=True)
    places = {"data_folder_in": messages, "data_folder_out": messages, "control_folder": folder / "control"}
    return {
        "broker_url": f"{SCHEME}://localhost",
        "broker_transport_options": {name: str(path) for name, path in places.items()}
        | {"polling_interval": POLL_SECONDS},
        "worker_enable_remote_control": False,
    }


class Queue:
    """The sending end; never waited for long, and never relied on."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        self._place = (redis_url, folder)
        self._silent_until = 0.0

    async def send(self, task: str, *names: str) -> bool:
        """Say which rows want attention; whether all was sent. What was not, the next look at the rows finds."""
        if time.monotonic() < self._silent_until:
            return False
        try:
            await asyncio.to_thread(self._send, task, names)
        except Exception as error:
            self._silent_until = time.monotonic() + BREAKER_SECONDS
            log.warning("the queue failed", error=type(error).__name__, seconds=BREAKER_SECONDS)
            return False
        return True

    @cached_property
    def _app(self) -> "Celery":
        return make_celery(*self._place)

    def _send(self, task: str, names: Sequence[str]) -> None:
        for name in names:
            self._app.send_task(task, [name], queue=QUEUE)
