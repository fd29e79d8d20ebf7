"""The program that does jobs: a Celery worker around the same parts that the service has. `python worker.py` runs it.

Threads wait for jobs, one event loop in another thread does them: like the service, this process only orchestrates. All
that touches a picture happens in programs and isolated workers, so nothing native is ever loaded here or forked.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Coroutine, Mapping
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from config import Settings, SettingsError, check_folders, load_settings
from exceptions import PareError
from library.batch_work import BatchWork, ToPolicy
from library.broker import BATCH, INGEST, make_celery
from library.messages import SECONDS, Courier
from library.processing import Processor
from library.upkeep import Upkeep
from machinery import hidden_places
from main import raise_file_limit, running
from optimizers.policy import Policy
from parts import fetch_limits, webhook_key
from routers.deps import Services
from schemas import OptimizationOptions
from security.ssrf import check_address, check_url
from utils.checked_transport import resolve
from utils.logging import json_logging
from utils.sandbox import confine
from utils.subprocess_runner import Launcher
from utils.url_fetch import Fetcher
from utils.url_post import Poster

STEPS = 4
"""A job may take as long as so many runs of a tool: it draws one variant after another."""
log = structlog.get_logger("pare.worker")


@dataclass(frozen=True)
class Workshop:
    """What does jobs, and the jobs that it has in hand."""

    processor: Processor
    batches: BatchWork
    upkeep: Upkeep
    in_hand: set["asyncio.Task[None]"] = field(default_factory=set)

    async def do(self, work: Coroutine[Any, Any, None]) -> None:
        """One job, which counts as in hand until it ends."""
        task = asyncio.ensure_future(work)
        self.in_hand.add(task)
        try:
            await task
        finally:
            self.in_hand.discard(task)

    def give_back(self) -> None:
        """End what is in hand; its rows wait for another worker."""
        for task in self.in_hand:
            task.cancel()


def assemble(settings: Settings, parts: Services, fetcher: Fetcher, poster: Poster, name: str) -> Workshop:
    """The workshop over the service's parts."""
    seconds = STEPS * settings.tool_timeout_seconds
    database, key = parts.library.database, webhook_key(settings)
    in_hand: set[asyncio.Task[None]] = set()
    return Workshop(
        Processor(database, parts.uploads.work, seconds),
        BatchWork(
            parts.library, parts.engine, fetcher, parts.queue, policy_of(settings), settings.max_retries, seconds
        ),
        Upkeep(
            name,
            database,
            parts.queue,
            Courier(database, poster, key) if key else None,
            parts.library.objects,
            lambda: len(in_hand),
            settings.compression_semaphore_size,
        ),
        in_hand,
    )


def policy_of(settings: Settings) -> ToPolicy:
    """How a batch's options are read."""

    def to_policy(options: Mapping[str, Any]) -> Policy:
        return OptimizationOptions().overridden(options).to_policy(settings.default_quality)

    return to_policy


@asynccontextmanager
async def working(settings: Settings, name: str) -> AsyncIterator[Workshop]:
    """The workshop, started, and its rounds; ended in reverse."""
    fetcher = Fetcher(resolve, check_address, check_url, fetch_limits(settings))
    poster = Poster(resolve, check_address, check_url, SECONDS)
    launcher = Launcher(partial(confine, hidden_places(settings)))
    async with running(settings, fetcher, launcher, serving=False) as parts:
        workshop = assemble(settings, parts, fetcher, poster, name)
        rounds = asyncio.create_task(workshop.upkeep.run())
        try:
            yield workshop
        finally:
            rounds.cancel()
            with suppress(PareError):
                await workshop.upkeep.end()


def work(settings: Settings) -> int:
    """Do jobs until SIGTERM; Celery's exit code."""
    from celery import signals

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="loop", daemon=True).start()

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    name = f"{socket.gethostname()}-{os.getpid()}"
    workshop_context = working(settings, name)
    workshop: Workshop = run(workshop_context.__aenter__())
    app = make_celery(settings.redis_url.get_secret_value(), settings.queue_dir)

    def do(job: Coroutine[Any, Any, None]) -> None:
        try:
            run(workshop.do(job))
        except CancelledError:
            log.info("a job was given back")
        except PareError as error:  # the row is as it was, and is found again
            log.warning("a job could not be begun", error=error.detail)

    def ingest(job_id: str) -> None:
        do(workshop.processor.process(job_id))

    def batch(batch_id: str) -> None:
        do(workshop.batches.next_of(batch_id))

    app.task(ingest, name=INGEST)
    app.task(batch, name=BATCH)

    def ending(**_: Any) -> None:
        loop.call_soon_threadsafe(loop.call_later, settings.graceful_shutdown_timeout, workshop.give_back)

    signals.setup_logging.connect(_no_logging)
    signals.worker_shutting_down.connect(ending)
    celery = app.Worker(
        hostname=f"pare@{name}",
        pool="threads",
        concurrency=settings.compression_semaphore_size,
        without_gossip=True,
        without_mingle=True,
        quiet=True,
    )
    celery.start()
    run(workshop_context.__aexit__(None, None, None))
    return int(celery.exitcode or 0)


def _no_logging(**_: Any) -> None:
    """Celery sets up logging unless somebody else says that he did."""


def main() -> int:
    """Run until SIGTERM; 2 when a setting is wrong."""
    try:
        settings = load_settings()
        check_folders(settings)
    except SettingsError as error:
        print(f"pare worker: {error}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until Celery has its own
    raise_file_limit()
    warnings.filterwarnings("ignore", "You're running the worker with superuser privileges")
    with json_logging(settings.log_level, settings.service_name, settings.google_cloud_project):
        return work(settings)


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    sys.exit(main())
