"""The composition root: builds every part once, in order, from one Settings value. `python main.py` serves it."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import structlog
import uvicorn
from anyio.lowlevel import checkpoint
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.telemetry import TelemetryConfig
from starlette.types import Receive, Scope, Send

from config import LEAST_SECRET, Settings, SettingsError, check_folders, load_settings
from estimation.memory import Memory
from exceptions import Unavailable
from library.batch_desk import BatchDesk
from library.broker import Queue
from library.catalog import Catalog
from library.comparison import Comparison
from library.database import Database
from library.messages import Callbacks
from library.submission import Uploads
from machinery import build_machinery, hidden_places
from middleware import CommonHeaders, RequestContext, set_ticket_aside
from optimizers.recall import Recall, encoder_revision
from optimizers.selftest import impaired, self_test
from parts import (
    build_delivery,
    build_gate,
    build_library,
    build_stores,
    build_tickets,
    fetch_limits,
    image_rules,
    webhook_key,
)
from routers import (
    answers,
    batches,
    catalog,
    compress,
    documents,
    estimate,
    health,
    images,
    jobs,
    library_health,
    metrics,
    optimize,
    page,
    problems,
    reference,
    stored,
    tickets,
    tinify,
)
from routers import library as library_images
from routers.deps import Images, Services
from routers.draining import DRAINING, CloseWhileDraining, LingeringConnection
from routers.outputs import Outputs
from security.image_urls import UrlKey
from security.rate_limiter import open_storage
from security.ssrf import check_address, check_url
from security.usage import Usage
from utils.checked_transport import AddressCheck, Resolver, resolve
from utils.concurrency import ByteBudget, Slots
from utils.logging import json_logging
from utils.metrics import share_between_processes
from utils.result_cache import open_cache
from utils.sandbox import confine
from utils.subprocess_runner import Launcher
from utils.url_fetch import Fetcher, UrlCheck

PROBES = ("/health", "/metrics")
TELEMETRY: TelemetryConfig = {
    # By the OTEL_* variables; without an endpoint among them nothing of OpenTelemetry's SDK is imported.
    "auto_configure": True,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "exclude": lambda scope: scope["path"].startswith(PROBES),
}
OPEN_FILES = 65_536
log = structlog.get_logger("pare")


class Service(FastAPI):
    """The application; what is secret in a query is out of it before spans repeat that."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(set_ticket_aside(scope), receive, send)


def create_app(
    settings: Settings | None = None,
    *,
    resolver: Resolver = resolve,
    address_check: AddressCheck = check_address,
    url_check: UrlCheck = check_url,
    launcher: Launcher | None = None,
) -> FastAPI:
    """The application over the given settings, or those of the environment. Only tests know other rules."""
    settings = settings or load_settings()
    launcher = launcher or Launcher(partial(confine, hidden_places(settings)))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, asyncio.Event]]:
        with json_logging(settings.log_level, settings.service_name, settings.google_cloud_project):
            fetcher = Fetcher(resolver, address_check, url_check, fetch_limits(settings))
            async with running(settings, fetcher, launcher) as services:
                app.state.services = services
                yield {DRAINING: asyncio.Event()}

    app = Service(
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        title="Pare",
        version=settings.version,
        summary="Smaller images that look the same.",
        lifespan=lifespan,
        telemetry=TELEMETRY,
    )
    # The last one added is the outermost.
    app.add_middleware(problems.CrashAnswers)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=answers.RESULT_HEADERS,
    )
    app.add_middleware(CommonHeaders)
    app.add_middleware(CloseWhileDraining)
    app.add_middleware(RequestContext)
    problems.install(app)
    calls = (optimize, estimate, compress, tickets, tinify)
    kept = (images, jobs, library_images, batches, library_health, catalog, stored)
    for room in (*calls, *kept, health, metrics, page, reference, problems):
        app.include_router(room.router)
    documents.complete(app)
    return app


@asynccontextmanager
async def running(
    settings: Settings, fetcher: Fetcher, launcher: Launcher, *, serving: bool = True
) -> AsyncIterator[Services]:
    """Every part, started and ended in reverse; who serves, tests the tools first and says what is switched off."""
    await checkpoint()  # imports the loop's backend, for which the first of very many callers may find no file left
    slots = Slots(settings.slots_dir, settings.compression_semaphore_size, settings.max_queue_depth)
    bodies = ByteBudget(settings.max_arriving)
    machinery = build_machinery(settings, launcher, slots)
    engine, limits = machinery.engine, machinery.limits
    stores = build_stores(settings)
    library = build_library(settings, engine, slots, stores, limits)
    queue = Queue(settings.redis_url.get_secret_value(), settings.queue_dir)
    redis_url = settings.redis_url.get_secret_value()
    cached = (settings.result_cache_mb << 20, settings.result_cache_entry_mb << 20)
    delivered = (settings.delivery_cache_mb << 20, settings.result_cache_entry_mb << 20)
    waiting_room = settings.output_cache_mb << 20
    async with (
        open_storage(redis_url) as storage,
        open_cache(redis_url, *cached, settings.redis_cache_expiration_seconds) as results,
        open_cache(redis_url, waiting_room, waiting_room, settings.output_seconds, room="outputs") as waiting,
        open_cache(redis_url, *delivered, settings.redis_cache_expiration_seconds, room="delivery") as variants,
    ):
        delivery = None
        try:
            for part in switched_off(settings) if serving else ():
                log.warning(part)
            reports = await self_test(engine, machinery.runner) if serving else ()
            await prepare(library.database)
            for name in impaired(engine.formats, reports) if serving else ():
                log.warning("a tool does not work", format=name, health="/health")
            gate = build_gate(settings, storage)
            bounds = (limits, machinery.documents, settings.min_score_floor)
            revision = encoder_revision(reports, settings.version, *bounds)
            recall = Recall(engine, results, revision)
            tickets = build_tickets(settings, storage, gate.keys)
            outputs, usage = Outputs(waiting), Usage(storage)
            delivery = build_delivery(settings, engine, variants, slots, revision)
            yield Services(
                settings,
                engine,
                recall,
                results,
                slots,
                bodies,
                gate,
                tickets,
                fetcher,
                stores,
                library,
                queue,
                Uploads(library, queue, settings.max_retries),
                BatchDesk(library.database, queue),
                Callbacks(fetcher.check, bool(webhook_key(settings))),
                Catalog(library, Comparison(engine, slots), settings.purge_min_age_seconds),
                machinery.estimator,
                Memory(),
                outputs,
                usage,
                reports,
                launcher,
                Images(delivery, image_rules(settings), [UrlKey.parsed(key) for key in settings.signing_keys]),
            )
        finally:
            if delivery:
                await delivery.close()
            await stores.close()
            await library.database.close()
            await machinery.close()


async def prepare(database: Database) -> None:
    """The library's tables, up to date; without its database all the rest is served, and the next use tries again."""
    with suppress(Unavailable):  # which has its line in the log
        await database.prepare()


def switched_off(settings: Settings) -> list[str]:
    """Optional parts that this start does without, in words."""
    off = []
    if not settings.api_keys:
        off.append("API_KEY is empty: every route but /api/v1 is open to everybody who reaches it")
    if not settings.jwt_secret_key:
        off.append("JWT_SECRET_KEY is empty: /api/v1 answers 503")
    if not settings.redis_url:
        off.append("REDIS_URL is empty: rate limits, known results and uses of tickets are this process's own")
        if settings.workers > 1:
            off.append(f"WORKERS is {settings.workers}: without Redis each process counts and keeps results for itself")
    if not settings.origin_url:
        off.append("ORIGIN_URL is empty: GET /images has no images and answers 503")
    elif not settings.signing_keys:
        off.append("SIGNING_KEY is empty: GET /images makes every variant of every image for everybody who asks")
    elif any(len(UrlKey.parsed(key).secret.encode()) < LEAST_SECRET for key in settings.signing_keys):
        off.append(f"SIGNING_KEY has a secret of less than {LEAST_SECRET} bytes: it can be guessed")
    return off


def welcome(settings: Settings) -> str:
    """What is told to whoever starts it by hand."""
    address = f"http://{'127.0.0.1' if settings.host == '0.0.0.0' else settings.host}:{settings.port}"  # noqa: S104
    lines = [
        f"Pare {settings.version} on {address}",
        *(f"  off: {part}" for part in switched_off(settings)),
        f"  open {address}/ in a browser, or",
        f"  try: curl -F file=@photo.jpg {address}/optimize -o smaller.jpg -D -",
    ]
    return "\n".join(lines) + "\n"


def raise_file_limit() -> None:
    """Many shells allow 1,024 open files, which are as many callers; what the host allows beyond is taken."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def serve() -> int:
    """Serve until SIGTERM; 2 when a setting is wrong."""
    try:
        settings = load_settings()
        check_folders(settings)
        image_rules(settings)
    except SettingsError as error:
        print(f"pare: {error}", file=sys.stderr)
        return 2
    raise_file_limit()
    print(welcome(settings), file=sys.stderr, flush=True)
    if settings.workers > 1:
        share_between_processes(settings.data_dir / "metrics")
    # uvicorn drains on SIGTERM and then raises it again: a service that was asked to end and did has not failed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        "main:create_app",
        factory=True,
        # Over h11: httptools keeps request headers without a limit, and loses the body of a request that offers an
        # upgrade.
        http=LingeringConnection,
        ws="none",
        # uvloop forks where asyncio spawns: a tool's start costs the service twice as much.
        loop="asyncio",
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # uvicorn believes loopback's X-Forwarded-For; here TRUSTED_PROXY_HOPS alone decides
        timeout_graceful_shutdown=settings.graceful_shutdown_timeout,
    )
    return 0


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    sys.exit(serve())
