"""Every part of the service but its machinery (`machinery.py`), each built from the settings."""

import os
from functools import partial

from limits.aio.storage import Storage

from config import Settings, SettingsError
from delivery.origin import Origin
from delivery.parameters import Rules, wishes_of
from delivery.service import Delivery
from delivery.shelf import Shelf
from exceptions import InvalidOptions
from library.database import Database
from library.ingest import Ingest, UploadRules
from library.library import Library
from library.objects import Objects
from library.variants import FITS, Variant, square
from optimizers.engine import Engine
from optimizers.router import TARGETS
from routers.deps import Gate
from security.auth import ApiKeys
from security.file_validation import ImageLimits
from security.jwt import Tokens
from security.rate_limiter import Allowance, RateLimiter, allowances
from security.signing import Signer
from security.tickets import Tickets
from security.webhooks import derived_secret, secret_of
from storage.options import GcsOptions, S3Options, StoreOptions, SupabaseOptions
from storage.retry import RetryPolicy
from storage.stores import Stores, open_store
from utils.concurrency import Slots
from utils.result_cache import ResultCache
from utils.url_fetch import FetchLimits

TARGETS_BY_NAME = {name: spec.name for name, spec in TARGETS.items()}
PATIENCE_SECONDS = 15.0
"""How long an image waits for its turn: a page asks for many at once, and a waiting GET holds nothing."""


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


def build_delivery(
    settings: Settings, engine: Engine, results: ResultCache, slots: Slots, revision: str
) -> Delivery | None:
    """GET /images, where it is known in which store originals lie."""
    if not settings.origin_url:
        return None
    options = store_options(settings)
    origin = Origin(open_store(settings.origin_url, options), settings.max_file_size, settings.delivery_missing_seconds)
    shelf = Shelf(open_store(settings.delivery_cache_url, options)) if settings.delivery_cache_url else None
    return Delivery(origin, engine, results, shelf, partial(slots.place_within, PATIENCE_SECONDS), revision)


def image_rules(settings: Settings) -> Rules:
    """What URLs of images may say. Raises SettingsError for a preset that says nothing sensible."""
    quality = None if settings.default_quality == "auto" else settings.default_quality
    rules = Rules(TARGETS_BY_NAME, quality, settings.delivery_presets, settings.delivered_sizes)
    for name in settings.delivery_presets:
        try:
            wishes_of([("preset", name)], rules)
        except InvalidOptions as error:
            raise SettingsError(f"DELIVERY_PRESETS is wrong: {name}: {error.detail}") from None
    return rules


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
