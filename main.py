"""The composition root: builds every part once, in order, from one Settings value. `python main.py` serves it."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import unquote

import structlog
import uvicorn
from anyio.lowlevel import checkpoint
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.telemetry import TelemetryConfig
from limits.aio.storage import Storage
from starlette.types import Receive, Scope, Send

from config import ROOT, Settings, SettingsError, check_folders, load_settings
from estimation.estimator import Estimator
from estimation.memory import Memory
from exceptions import Unavailable
from library.batch_desk import BatchDesk
from library.broker import Queue
from library.catalog import Catalog
from library.comparison import Comparison
from library.database import Database
from library.ingest import Ingest, UploadRules
from library.library import Library
from library.messages import Callbacks
from library.objects import Objects
from library.submission import Uploads
from library.variants import FITS, Variant, square
from middleware import CommonHeaders, RequestContext, set_ticket_aside
from optimizers.engine import Engine
from optimizers.recall import Recall, encoder_revision
from optimizers.router import build_formats
from optimizers.selftest import impaired, self_test
from routers import (
    answers,
    batches,
    catalog,
    compress,
    documents,
    estimate,
    health,
    jobs,
    library_health,
    metrics,
    optimize,
    problems,
    stored,
    tickets,
    tinify,
)
from routers import library as images
from routers.deps import Gate, Services
from routers.draining import DRAINING, CloseWhileDraining, LingeringConnection
from routers.outputs import Outputs
from security.auth import ApiKeys
from security.file_validation import DocumentLimits, ImageLimits
from security.jwt import Tokens
from security.rate_limiter import Allowance, RateLimiter, allowances, open_storage
from security.signing import Signer
from security.ssrf import check_address, check_url
from security.tickets import Tickets
from security.usage import Usage
from security.webhooks import derived_secret, secret_of
from storage.options import GcsOptions, S3Options, StoreOptions, SupabaseOptions
from storage.retry import RetryPolicy
from storage.stores import Stores
from utils.checked_transport import AddressCheck, Resolver, resolve
from utils.concurrency import ByteBudget, Slots
from utils.logging import json_logging
from utils.metrics import share_between_processes
from utils.result_cache import open_cache
from utils.sandbox import confine
from utils.subprocess_runner import Launcher, ProcessLimits, ToolRunner
from utils.url_fetch import Fetcher, FetchLimits, UrlCheck
from utils.worker_pool import WorkerPool

WORKER_PRELOAD = ("optimizers.router", "PIL.Image")
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
    images_of_users = (jobs, images, batches, library_health)
    for room in (
        optimize,
        estimate,
        compress,
        tickets,
        tinify,
        *images_of_users,
        catalog,
        stored,
        health,
        metrics,
        problems,
    ):
        app.include_router(room.router)
    documents.complete(app)
    return app


@asynccontextmanager
async def running(
    settings: Settings, fetcher: Fetcher, launcher: Launcher, *, serving: bool = True
) -> AsyncIterator[Services]:
    """Every part, started and ended in reverse; who serves, tests the tools first and says what is switched off."""
    await checkpoint()  # imports the loop's backend, for which the first of very many callers may find no file left
    # The clock ends a tool; its CPU limit, which threads use up faster, only one that outlived the service.
    runner = ToolRunner(settings.search_path, ProcessLimits(cpu_seconds=4 * settings.tool_timeout_seconds), launcher)
    workers = WorkerPool(settings.compression_semaphore_size, worker_environment(settings), WORKER_PRELOAD, launcher)
    slots = Slots(settings.slots_dir, settings.compression_semaphore_size, settings.max_queue_depth)
    bodies = ByteBudget(settings.max_arriving)
    limits = ImageLimits(
        settings.max_pixels,
        settings.max_total_pixels,
        settings.max_frames,
        settings.max_decoded_mb << 20,
        settings.max_metadata_mb << 20,
    )
    documents = DocumentLimits(
        settings.max_svg_depth,
        settings.max_svg_elements,
        settings.max_svg_attributes,
        settings.max_svgz_ratio,
        settings.max_svg_css,
    )
    engine = Engine(
        runner,
        workers,
        slots,
        limits,
        settings.tool_timeout_seconds,
        build_formats(documents),
        settings.min_score_floor,
    )
    sketchers = WorkerPool(1, worker_environment(settings), WORKER_PRELOAD, launcher)
    estimator = Estimator(runner, sketchers, engine.formats, limits)
    stores = build_stores(settings)
    library = build_library(settings, engine, slots, stores, limits)
    queue = Queue(settings.redis_url.get_secret_value(), settings.queue_dir)
    redis_url = settings.redis_url.get_secret_value()
    cached = (settings.result_cache_mb << 20, settings.result_cache_entry_mb << 20)
    waiting_room = settings.output_cache_mb << 20
    async with (
        open_storage(redis_url) as storage,
        open_cache(redis_url, *cached, settings.redis_cache_expiration_seconds) as results,
        open_cache(redis_url, waiting_room, waiting_room, settings.output_seconds, room="outputs") as waiting,
    ):
        try:
            for part in switched_off(settings) if serving else ():
                log.warning(part)
            reports = await self_test(engine, runner) if serving else ()
            await prepare(library.database)
            for name in impaired(engine.formats, reports) if serving else ():
                log.warning("a tool does not work", format=name, health="/health")
            gate = build_gate(settings, storage)
            revision = encoder_revision(reports, settings.version, limits, documents, settings.min_score_floor)
            recall = Recall(engine, results, revision)
            tickets = build_tickets(settings, storage, gate.keys)
            outputs, usage = Outputs(waiting), Usage(storage)
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
                estimator,
                Memory(),
                outputs,
                usage,
                reports,
                launcher,
            )
        finally:
            await sketchers.close()
            await stores.close()
            await library.database.close()
            await workers.close()


def build_library(settings: Settings, engine: Engine, slots: Slots, stores: Stores, limits: ImageLimits) -> Library:
    """Tables, objects and the one way in, for the doors and for a worker alike; nothing is opened yet."""
    database = Database(settings.database_address)
    objects = Objects(stores, database, settings.storage_signed_url_seconds)
    rules = UploadRules(settings.max_upload, frozenset(settings.allowed_mime_types), limits)
    return Library(
        database,
        objects,
        Ingest(database, objects, engine, slots, rules, settings.phash_hamming_threshold),
        tuple(Variant(n, p.width, p.height, p.quality, FITS[p.fit]) for n, p in settings.presets.items()),
        tuple(square(name, side, settings.webp_quality) for name, side in settings.image_sizes.items()),
    )


def webhook_key(settings: Settings) -> bytes:
    """What signs messages to callers: its own secret, else one made of that of the tokens; empty without either."""
    own, root = settings.webhook_secret.get_secret_value(), settings.jwt_secret_key.get_secret_value()
    if own:
        return secret_of(own)
    return secret_of(derived_secret(root)) if root and settings.jwt_algorithm.startswith("HS") else b""


async def prepare(database: Database) -> None:
    """The library's tables, up to date; without its database all the rest is served, and the next use tries again."""
    with suppress(Unavailable):  # which has its line in the log
        await database.prepare()


def build_gate(settings: Settings, storage: Storage) -> Gate:
    """Keys and limiters; both limiters count in one storage."""
    public = allowances(settings.rate_limit_public_rpm, settings.rate_limit_public_burst)
    with_key = allowances(settings.rate_limit_auth_rpm if settings.rate_limit_auth_enabled else 0, 0)
    window = Allowance("uploads", settings.rate_limit_max_uploads, 60 * settings.rate_limit_window_minutes)
    return Gate(
        ApiKeys(settings.api_keys),
        Tokens(settings.jwt_secret_key.get_secret_value(), settings.jwt_algorithm),
        RateLimiter(public, storage),
        RateLimiter(with_key, storage),
        RateLimiter([window] if window.calls else [], storage),
    )


def build_tickets(settings: Settings, storage: Storage, keys: ApiKeys) -> Tickets:
    """Upload tickets, signed by secrets of their own or else by the keys; uses are counted where calls are."""
    return Tickets(Signer("ticket", settings.ticket_secrets or settings.api_keys), storage, keys.names)


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
    return off


def build_stores(settings: Settings) -> Stores:
    """Where results are kept: the default store and the buckets that requests may name."""
    return Stores(settings.store_url, store_options(settings), settings.allowed_buckets, settings.storage_public_url)


def store_options(settings: Settings) -> StoreOptions:
    """What stores have to know."""
    credentials = settings.google_application_credentials
    if credentials:
        # Google's library looks here alone; from `.env` it would not come.
        os.environ.setdefault("GOOGLE_APPLICATION_CREDENTIALS", credentials)
    return StoreOptions(
        S3Options(
            endpoint=settings.s3_endpoint_url,
            region=settings.aws_region,
            access_key_id=settings.aws_access_key_id,
            secret_access_key=settings.aws_secret_access_key.get_secret_value(),
            path_style=settings.s3_path_style,
            encryption=settings.s3_server_side_encryption,
            kms_key_id=settings.s3_kms_key_id,
        ),
        GcsOptions(settings.storage_emulator_host, anonymous=bool(settings.storage_emulator_host and not credentials)),
        SupabaseOptions(settings.supabase_url, settings.supabase_service_key.get_secret_value()),
        folder=settings.data_dir / "objects",
        retry=RetryPolicy(total=settings.storage_timeout_seconds),
    )


def fetch_limits(settings: Settings) -> FetchLimits:
    """What fetching by URL may take."""
    return FetchLimits(settings.max_file_size, settings.url_fetch_timeout, settings.url_fetch_max_redirects)


def worker_environment(settings: Settings) -> dict[str, str]:
    """What an isolated worker may know: no setting, no secret; one thread, as slots are what is parallel."""
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1"}
    no_files = {"VIPS_DISC_THRESHOLD": "64g"}  # it would spill large pictures to where nothing can be written
    return {"PATH": settings.search_path, "LANG": "C.UTF-8", **one_thread, **no_files}


def hidden_places(settings: Settings) -> list[Path]:
    """What neither a tool nor a worker may read: other people's pictures, and where secrets customarily lie."""
    data = settings.data_dir.resolve()
    scheme, _, tables = settings.database_address.partition(":///")
    code = (ROOT, Path(sys.prefix), Path(sys.base_prefix), settings.tools_dir.resolve())
    objects = settings.store_url.partition("file://")[2]
    kept = [data, *([Path(unquote(objects)).resolve()] if objects else [])]
    stored = [folder for folder in kept if not any(place.is_relative_to(folder) for place in code)]
    home = os.path.expanduser("~")  # which, unlike Path.home(), does without a user of that number
    customary = [Path(home, name) for name in (".aws", ".config/gcloud", ".ssh")]
    files = [Path(tables + end).resolve() for end in ("", "-wal", "-shm")] if "sqlite" in scheme else []
    return [*stored, *files, ROOT / ".env", Path("/run/secrets"), *customary]


def welcome(settings: Settings) -> str:
    """What is told to whoever starts it by hand."""
    address = f"http://{'127.0.0.1' if settings.host == '0.0.0.0' else settings.host}:{settings.port}"  # noqa: S104
    lines = [
        f"Pare {settings.version} on {address}",
        *(f"  off: {part}" for part in switched_off(settings)),
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
