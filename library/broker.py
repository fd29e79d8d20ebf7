"""The queue between those who accept jobs and those who do them: Celery on Redis, or on a folder where there is none.

A message says only which row wants attention. The row is the truth: a message that is lost is sent again, and one that
comes twice finds nothing to do.
"""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from celery import Celery

from library import folder_broker

QUEUE = "pare"
INGEST = "pare.ingest"
BATCH = "pare.batch"
SECONDS = 2.0
"""How long sending may wait for Redis."""
POLL_SECONDS = 0.05
"""Between looks into the folder."""
VISIBILITY_SECONDS = 3600
"""When Redis gives the message of a vanished worker to another; the row's lease ends much sooner."""


def make_celery(redis_url: str, folder: Path) -> Celery:
    """The application for both ends; nothing is connected yet."""
    app = Celery("pare", set_as_current=False, fixups=[])
    app.conf.update(
        **(_on_redis(redis_url) if redis_url else _on_folder(folder)),
        accept_content=["json"],
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
    messages = folder / "messages"
    messages.mkdir(mode=0o700, parents=True, exist_ok=True)
    places = {"data_folder_in": messages, "data_folder_out": messages, "control_folder": folder / "control"}
    return {
        "broker_url": f"{folder_broker.SCHEME}://localhost",
        "broker_transport_options": {name: str(path) for name, path in places.items()}
        | {"polling_interval": POLL_SECONDS},
        "worker_enable_remote_control": False,
    }
