"""Every setting, read once from the environment (and `.env`) into one frozen value that `create_app` hands on."""

import hashlib
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).parent
FORM_ALLOWANCE = 1 << 20
"""Bytes that a body may be larger than its file."""
LEAST_SECRET = 32
"""Bytes of a secret that signs."""
LOCAL_SECRET = "jwt-secret"  # noqa: S105 - a file's name
"""File in DATA_DIR with the secret that `make run` makes where none is set."""
CGROUP_CPU = Path("/sys/fs/cgroup/cpu.max")


def cpu_count() -> int:
    """CPUs that this process may use: its affinity, and its control group's quota where there is one."""
    cpus = len(os.sched_getaffinity(0))
    try:
        quota, period = CGROUP_CPU.read_text().split()
        return max(1, min(cpus, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return cpus


CPU_COUNT = cpu_count()


class SettingsError(Exception):
    """A setting has a wrong value; the message is one sentence that names the variable."""


def _from_json(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("it has to be JSON") from None


T = TypeVar("T")
FromJson = Annotated[T, NoDecode, BeforeValidator(_from_json)]
"""A setting that is written as JSON."""
VariantName = Annotated[str, Field(pattern="^[a-z][a-z0-9_-]{0,31}$")]
Side = Annotated[int, Field(ge=1, le=16_384, strict=True)]


class PresetSetting(BaseModel):
    """One rendition of /v1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: Side
    height: Side
    fit: Literal["contain", "cover"] = "contain"
    quality: Annotated[int, Field(ge=1, le=100, strict=True)] = 85


class Settings(BaseSettings):
    """The service's settings; each field is the environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    # Service
    service_name: str = Field("pare", description="Name in logs and /health.")
    version: str = Field("0.1.0", description="Version in logs and /health.")
    host: str = Field("127.0.0.1", description="Address to listen on; the container image sets 0.0.0.0.")
    port: int = Field(8080, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(4, ge=1, le=64, description="Server processes; `make run` and the image set 1.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severe log line written.")
    graceful_shutdown_timeout: int = Field(
        30, ge=1, le=3600, description="Seconds that running work may take after SIGTERM (Cloud Run kills after 10)."
    )
    allowed_origins: str = Field("*", description="Origins that browsers may call from (CORS), comma-separated.")
    data_dir: Path = Field(Path("data"), description="Folder for everything embedded.")
    tools_dir: Path = Field(ROOT / ".tools" / "bin", description="Searched for the tools after PATH.")

    # Who may call, how often
    api_key: SecretStr = Field(SecretStr(""), description="Live API keys, comma-separated; empty = open to everybody.")
    require_auth: bool = Field(False, description="Refuse callers without an API key.")
    ticket_secret: SecretStr = Field(
        SecretStr(""),
        description="Signs upload tickets; several with commas, the first signs; empty = API_KEY signs.",
    )
    trusted_proxy_hops: int = Field(0, ge=0, le=10, description="Hops of `X-Forwarded-For` to believe (Cloud Run: 1).")
    redis_url: SecretStr = Field(
        SecretStr(""),
        description="Redis that holds rate limits, results and the uses of tickets; empty = this process.",
    )
    rate_limit_public_rpm: int = Field(60, ge=0, description="Calls a minute without a key; 0 = unlimited.")
    rate_limit_public_burst: int = Field(10, ge=0, description="Calls in 10 seconds without a key; 0 = unlimited.")
    rate_limit_auth_enabled: bool = Field(False, description="Limit callers with a key, too.")
    rate_limit_auth_rpm: int = Field(0, ge=0, description="Calls a minute with a key; 0 = unlimited.")

    # Watching it
    metrics_token: SecretStr = Field(SecretStr(""), description="Bearer token for /metrics; empty = open.")
    google_cloud_project: str = Field("", description="Project that traces are in; log lines then link to them.")

    # Limits
    max_file_size_mb: int = Field(
        32, ge=1, le=1024, description="Largest upload in MiB (Cloud Run's HTTP/1 limit is 32 in all)."
    )
    upload_timeout_seconds: int = Field(120, ge=1, le=3600, description="Longest time a body may take to arrive.")
    min_upload_rate_kb: int = Field(
        16,
        ge=1,
        le=1 << 20,
        description="Least KiB a second at which a body has to arrive; it may pause for 5 seconds.",
    )
    max_pixels: int = Field(50_000_000, ge=1, description="Most pixels in one frame.")
    max_total_pixels: int = Field(200_000_000, ge=1, description="Most pixels over all frames.")
    max_frames: int = Field(1000, ge=1, description="Most frames or pages.")
    max_decoded_mb: int = Field(512, ge=1, description="Most MiB that one decoded frame may take.")
    max_metadata_mb: int = Field(
        64, ge=1, le=128, description="Most MiB of text, EXIF, XMP and profiles in one file, unpacked."
    )
    max_svg_depth: int = Field(128, ge=1, le=500, description="Deepest nesting in an SVG.")
    max_svg_elements: int = Field(400_000, ge=1, description="Most elements in an SVG.")
    max_svg_attributes: int = Field(300, ge=1, description="Most attributes of one SVG element.")
    max_svg_css: int = Field(
        4_000_000, ge=1, description="Most characters of style sheets and intricate styles in an SVG."
    )
    max_svgz_ratio: int = Field(100, ge=1, description="Most bytes that one byte of an SVGZ may unpack to.")
    url_fetch_timeout: int = Field(30, ge=1, le=600, description="Seconds that fetching by URL may take in all.")
    url_fetch_max_redirects: int = Field(5, ge=0, le=20, description="Most redirects that are followed.")

    # Optimization
    default_quality: Annotated[int, Field(ge=1, le=100)] | Literal["auto"] = Field(
        80, description="Quality where a request names none: 1-100 or `auto`."
    )
    min_score_floor: float = Field(60, ge=0, le=95, description="No loss is worth a SSIMULACRA2 below this.")
    tool_timeout_seconds: int = Field(60, ge=1, le=600, description="Longest run of one tool.")
    compression_semaphore_size: int = Field(
        CPU_COUNT, ge=1, le=256, description="Images worked on at once, over all server processes (default: CPUs)."
    )
    max_queue_depth: int = Field(
        2 * CPU_COUNT,
        ge=0,
        le=10_000,
        description="Images waiting beyond that; more are answered 503 (default: 2 × CPUs).",
    )
    result_cache_mb: int = Field(
        64, ge=0, le=1 << 20, description="Most MiB of results kept, in Redis or in each server process; 0 = off."
    )
    result_cache_entry_mb: int = Field(8, ge=1, le=256, description="Largest result that is kept, in MiB.")
    redis_cache_expiration_seconds: int = Field(
        3600, ge=1, le=2_592_000, description="How long a result is kept, in Redis or not."
    )

    # Where results are kept
    storage_url: str = Field(
        "",
        description="Default store: `file://FOLDER`, `s3://BUCKET`, `gs://BUCKET`, `supabase://BUCKET`, `memory://`; "
        "empty = what STORAGE_BACKEND says, else `file://DATA_DIR/objects`.",
    )
    storage_backend: Literal["local", "memory", "s3", "gcs", "supabase"] = Field(
        "local",
        validation_alias=AliasChoices("storage_backend", "storage_type"),
        description="Another spelling of STORAGE_URL's scheme (also `STORAGE_TYPE`).",
    )
    storage_path: str = Field(
        "",
        validation_alias=AliasChoices("storage_path", "storage_base_path"),
        description="Another spelling of STORAGE_URL's folder or bucket (also `STORAGE_BASE_PATH`).",
    )
    storage_allowed_buckets: str = Field(
        "",
        description="Buckets that a request may name beside the default one, comma-separated; another provider's as "
        "`gs://BUCKET`; a folder beside the default one as `file://NAME`.",
    )
    storage_public_url: str = Field(
        "", description="Address of the default bucket's public objects (a CDN, R2's own); empty = the store's."
    )
    storage_signed_url_seconds: int = Field(3600, ge=1, le=604_800, description="How long a signed URL answers.")
    storage_timeout_seconds: int = Field(30, ge=1, le=600, description="Longest call to a store, all its tries in all.")
    s3_endpoint_url: str = Field("", description="An S3-compatible service (MinIO, R2, Supabase); empty = AWS.")
    s3_path_style: bool = Field(True, description="The bucket is in the path; false: before the host's name.")
    s3_server_side_encryption: str = Field(
        "",
        pattern="^(|AES256|aws:kms|aws:kms:dsse)$",
        description="`AES256`, `aws:kms`, `aws:kms:dsse`; empty = the bucket's.",
    )
    s3_kms_key_id: str = Field("", description="Key of `aws:kms`; empty = the account's own.")
    aws_region: str = Field("us-east-1", description="Region of S3; `auto` for R2.")
    aws_access_key_id: str = Field("", description="S3 key; empty = the role of the machine or container.")
    aws_secret_access_key: SecretStr = Field(SecretStr(""), description="S3 secret.")
    google_application_credentials: str = Field("", description="File of Google credentials; empty = the machine's.")
    storage_emulator_host: str = Field("", description="Address of a Google Cloud Storage emulator; for tests.")
    supabase_url: str = Field("", description="Supabase project, `https://REF.supabase.co`.")
    supabase_service_key: SecretStr = Field(SecretStr(""), description="Key of the project's service role.")
    supabase_bucket: str = Field("", description="Bucket where STORAGE_BACKEND is `supabase` and STORAGE_PATH empty.")

    # Delivery
    origin_url: str = Field(
        "", description="Where GET /images finds originals, like STORAGE_URL; empty = GET /images answers 503."
    )
    signing_key: SecretStr = Field(
        SecretStr(""),
        description="Signs image URLs: `SECRET` or `ID:SECRET`, several with commas; empty = unsigned ones are served.",
    )

    delivery_cache_mb: int = Field(
        128, ge=1, le=1 << 20, description="Most MiB of delivered images kept, in Redis or in each server process."
    )
    delivery_cache_url: str = Field(
        "", description="Keeps delivered images for longer, like STORAGE_URL; empty = no second layer."
    )
    delivery_presets: Json[dict[str, str]] = Field(
        "{}", validate_default=True, description='Queries by name for `preset=`: `{"card": "w=600&h=600&fit=cover"}`.'
    )
    delivery_sizes: str = Field(
        "", pattern=r"^[0-9, ]*$", description="What `w` and `h` may be, comma-separated; empty = anything."
    )
    delivery_max_age_seconds: int = Field(
        3600, ge=0, le=31_536_000, description="How long others may keep an image whose URL names no version."
    )
    delivery_missing_seconds: int = Field(
        5, ge=0, le=300, description="How long an image that is missing is not looked for again."
    )

    # Programs that speak Tinify
    output_cache_mb: int = Field(
        128, ge=1, le=1 << 20, description="Most MiB of pictures and results that wait at /output."
    )
    output_seconds: int = Field(3600, ge=1, le=604_800, description="How long a result waits at /output.")

    # The library: /v1 and /api/v1
    database_url: SecretStr = Field(
        SecretStr(""),
        description="The library's tables: `postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:///FILE`; "
        "empty = SQLite in DATABASE_PATH.",
    )
    database_path: str = Field("", description="File of SQLite; empty = `library.db` in DATA_DIR.")
    max_upload_size_mb: int = Field(10, ge=1, le=1024, description="Largest upload to the library in MiB.")
    max_upload_bytes: int = Field(
        10 << 20, ge=1, le=1 << 30, description="The same in bytes; where both are set, the smaller one holds."
    )
    allowed_mime_types: FromJson[Annotated[tuple[str, ...], Field(min_length=1)]] = Field(
        ("image/jpeg", "image/png", "image/webp"),
        description="What may be uploaded to the library, as a JSON list; judged by the bytes.",
    )
    presets: FromJson[Annotated[dict[VariantName, PresetSetting], Field(min_length=1)]] = Field(
        {
            "thumb": PresetSetting(width=200, height=200, fit="cover"),
            "card": PresetSetting(width=600, height=600),
            "zoom": PresetSetting(width=1600, height=1600),
        },
        description="Renditions of /v1 as JSON: name to width, height, fit (contain or cover), quality.",
    )
    image_sizes: FromJson[Annotated[dict[VariantName, Side], Field(min_length=1)]] = Field(
        {"thumbnail": 150, "medium": 600, "large": 1200, "original": 4096},
        description="Variants of /api/v1 as JSON: name to the longer side's pixels.",
    )
    webp_quality: int = Field(85, ge=1, le=100, description="Quality of those variants.")
    phash_hamming_threshold: int = Field(
        5, ge=0, le=15, description="Most bits in which perceptual hashes of near-duplicates differ."
    )
    purge_confirm_token: SecretStr = Field(
        SecretStr(""), description="Token that POST /v1/purge needs to delete; empty = it answers 403."
    )
    purge_min_age_seconds: int = Field(3600, ge=0, description="Assets younger than that are never purged.")
    jwt_secret_key: SecretStr = Field(
        SecretStr(""),
        description="Checks the tokens of /api/v1: a secret, or the public key in PEM; empty = /api/v1 answers 503.",
    )
    jwt_algorithm: Literal["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512"] = Field(
        "HS256", description="The only algorithm that those tokens may have."
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""),
        description="Signs messages to a `callback_url`: `whsec_` and base64, or a text; empty = one made of "
        "JWT_SECRET_KEY, which `python -m scripts.token --webhook` prints.",
    )
    rate_limit_max_uploads: int = Field(50, ge=0, description="Uploads of one user in the window; 0 = unlimited.")
    rate_limit_window_minutes: int = Field(60, ge=1, le=10_080, description="Minutes of that window.")
    max_retries: int = Field(3, ge=0, le=20, description="How often a job is tried again after an error that may pass.")

    @property
    def database_address(self) -> str:
        """DATABASE_URL, whichever way it was spelled."""
        path = self.database_path or str(self.data_dir / "library.db")
        return self.database_url.get_secret_value() or f"sqlite:///{Path(path).resolve()}"

    @property
    def max_upload(self) -> int:
        """Largest upload to the library in bytes: by what was set, else the default."""
        limits = {"max_upload_size_mb": self.max_upload_size_mb << 20, "max_upload_bytes": self.max_upload_bytes}
        named = [limit for name, limit in limits.items() if name in self.model_fields_set]
        return min(named or limits.values())

    @model_validator(mode="after")
    def _database_is_an_address(self) -> Self:
        # Like REDIS_URL, never printed: it holds a password.
        if not re.match(r"(|(postgres(ql)?(\+asyncpg)?)://.+|sqlite(\+aiosqlite)?:///.+)$", self.database_address):
            raise ValueError(
                "DATABASE_URL is wrong: it has to be postgresql://user:password@host/name or sqlite:///file"
            )
        return self

    @property
    def queue_dir(self) -> Path:
        """Where jobs wait without Redis."""
        return self.data_dir / "queue"

    @model_validator(mode="after")
    def _webhook_secret_can_sign(self) -> Self:
        if not re.fullmatch(
            r"(|whsec_[A-Za-z0-9+/]{32,}={0,2}|(?!whsec_).{24,})", self.webhook_secret.get_secret_value()
        ):
            raise ValueError(
                "WEBHOOK_SECRET is wrong: it has to be whsec_ and 24 bytes or more in base64, or as a text"
            )
        return self

    @model_validator(mode="after")
    def _jwt_secret_is_long(self) -> Self:
        secret = self.jwt_secret_key.get_secret_value()
        if secret and len(secret.encode()) < LEAST_SECRET:
            raise ValueError(f"JWT_SECRET_KEY is wrong: it has to have at least {LEAST_SECRET} bytes")
        return self

    @property
    def store_url(self) -> str:
        """STORAGE_URL, whichever way it was spelled."""
        if self.storage_url:
            return self.storage_url
        match self.storage_backend:
            case "local":
                return f"file://{quote(self.storage_path or str(self.data_dir / 'objects'))}"
            case "gcs":
                return f"gs://{self.storage_path}"
            case "supabase":
                return f"supabase://{self.storage_path or self.supabase_bucket}"
        return f"{self.storage_backend}://{self.storage_path}"

    @property
    def allowed_buckets(self) -> list[str]:
        """The buckets that a request may name, one by one."""
        return _listed(self.storage_allowed_buckets)

    @model_validator(mode="after")
    def _store_has_what_it_needs(self) -> Self:
        name = "STORAGE_URL" if self.storage_url else "STORAGE_PATH"
        self._check_store(name, self.store_url)
        if self.origin_url:
            self._check_store("ORIGIN_URL", self.origin_url)
        if self.delivery_cache_url:
            self._check_store("DELIVERY_CACHE_URL", self.delivery_cache_url)
        for entry in self.allowed_buckets:
            if not re.fullmatch(r"((file|memory|s3|gs|supabase)://)?[A-Za-z0-9][\w.-]*", entry, re.ASCII):
                raise ValueError(f"STORAGE_ALLOWED_BUCKETS is wrong: {entry} is not a bucket")
        return self

    def _check_store(self, name: str, url: str) -> None:
        if not re.fullmatch(r"(file://.+|memory://.*|(s3|gs|supabase)://[\w.-]+(/.*)?)", url, re.ASCII):
            raise ValueError(f"{name} is wrong: it has to name a folder or bucket, like s3://photos")
        if url.startswith("supabase") and not (self.supabase_url and self.supabase_service_key.get_secret_value()):
            raise ValueError(f"{name} with supabase:// needs SUPABASE_URL and SUPABASE_SERVICE_KEY")

    @property
    def min_upload_rate(self) -> int:
        """Slowest body in bytes a second."""
        return self.min_upload_rate_kb << 10

    @property
    def max_arriving(self) -> int:
        """Bytes that one server process may hold of bodies on their way: as many bodies as the container has places."""
        places = self.compression_semaphore_size + self.max_queue_depth
        return max(1, places // self.workers) * (self.max_file_size + FORM_ALLOWANCE)

    @property
    def slots_dir(self) -> Path:
        """Where the locks lie that bound the jobs of all server processes.

        A container's own folder for temporary files, never DATA_DIR: on a volume that several containers share, they
        would share one container's slots, and network file systems hold locks badly or not at all. The name is that of
        the owner and of DATA_DIR, so that services side by side on one machine do not share theirs either.
        """
        digest = hashlib.sha256(str(self.data_dir.resolve()).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"pare-{os.getuid()}-{digest}"

    @property
    def max_file_size(self) -> int:
        """Largest upload in bytes."""
        return self.max_file_size_mb << 20

    @model_validator(mode="after")
    def _redis_is_an_address(self) -> Self:
        # Not a pattern of the field: its message would print the value, which may hold a password.
        if self.redis_url and not _is_redis(self.redis_url.get_secret_value()):
            raise ValueError("REDIS_URL is wrong: it has to be redis://user:password@host:port, quoted like any URL")
        return self

    @model_validator(mode="after")
    def _ticket_secrets_are_long(self) -> Self:
        if any(len(secret.encode()) < LEAST_SECRET for secret in self.ticket_secrets):
            raise ValueError(f"TICKET_SECRET is wrong: a secret has to have at least {LEAST_SECRET} bytes")
        return self

    @model_validator(mode="after")
    def _signing_keys_are_not_empty(self) -> Self:
        if any(key.endswith(":") for key in self.signing_keys):
            raise ValueError("SIGNING_KEY is wrong: a secret is empty")
        return self

    @model_validator(mode="after")
    def _key_where_one_is_required(self) -> Self:
        if self.require_auth and not self.api_keys:
            raise ValueError("REQUIRE_AUTH needs an API_KEY")
        return self

    @property
    def api_keys(self) -> list[str]:
        """The live keys, one by one."""
        return _listed(self.api_key.get_secret_value())

    @property
    def ticket_secrets(self) -> list[str]:
        """The secrets that sign tickets, the first of them the new ones."""
        return _listed(self.ticket_secret.get_secret_value())

    @property
    def signing_keys(self) -> list[str]:
        """The keys of signed image URLs, each `SECRET` or `ID:SECRET`."""
        return _listed(self.signing_key.get_secret_value())

    @property
    def delivered_sizes(self) -> frozenset[int]:
        """What `w` and `h` may be; empty for anything."""
        return frozenset(map(int, _listed(self.delivery_sizes)))

    @property
    def origins(self) -> list[str]:
        """The allowed origins, one by one."""
        return _listed(self.allowed_origins)

    @property
    def search_path(self) -> str:
        """Where tools are looked for."""
        return f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{self.tools_dir}"


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_redis(url: str) -> bool:
    """Whether it can be read: a password with a bare slash in it would end up in an error about the port."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("redis", "rediss") and parts.port != 0
    except ValueError:
        return False


ENV_FILE = Path(".env")


def load_settings(env_file: Path = ENV_FILE) -> Settings:
    """The settings of this environment; raises SettingsError with one sentence for each wrong value."""
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        raise SettingsError("; ".join(map(_sentence, error.errors()))) from None


def check_folders(settings: Settings) -> None:
    """Make the folders that the service writes to; raises SettingsError for one that it cannot."""
    for name, folder in (("DATA_DIR", "data_dir"), ("TMPDIR", "slots_dir")):
        try:
            _make_writable(getattr(settings, folder))
        except OSError as error:
            raise SettingsError(
                f"{name} is wrong: {error.filename or 'it'} cannot be written ({error.strerror})"
            ) from None


def _make_writable(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _sentence(error: ErrorDetails) -> str:
    if not error["loc"]:
        return error["msg"].removeprefix("Value error, ")
    sentence = error["msg"].removeprefix("Value error, ").lower()
    return f"{str(error['loc'][0]).upper()} is wrong: {sentence} (got {error['input']!r})"
