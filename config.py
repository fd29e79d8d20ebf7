"""Every setting, read once from the environment (and `.env`) into one frozen value that `create_app` hands on."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).parent
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
    trusted_proxy_hops: int = Field(0, ge=0, le=10, description="Hops of `X-Forwarded-For` to believe (Cloud Run: 1).")
    redis_url: SecretStr = Field(SecretStr(""), description="Redis that holds rate limits; empty = in this process.")
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
    max_pixels: int = Field(50_000_000, ge=1, description="Most pixels in one frame.")
    max_total_pixels: int = Field(200_000_000, ge=1, description="Most pixels over all frames.")
    max_frames: int = Field(1000, ge=1, description="Most frames or pages.")
    max_svg_depth: int = Field(128, ge=1, le=500, description="Deepest nesting in an SVG.")
    max_svg_elements: int = Field(400_000, ge=1, description="Most elements in an SVG.")
    max_svg_attributes: int = Field(300, ge=1, description="Most attributes of one SVG element.")
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
    def _key_where_one_is_required(self) -> Self:
        if self.require_auth and not self.api_keys:
            raise ValueError("REQUIRE_AUTH needs an API_KEY")
        return self

    @property
    def api_keys(self) -> list[str]:
        """The live keys, one by one."""
        return [key.strip() for key in self.api_key.get_secret_value().split(",") if key.strip()]

    @property
    def origins(self) -> list[str]:
        """The allowed origins, one by one."""
        return [origin.strip() for origin in self.allowed_origins.split(",") if origin.strip()]

    @property
    def search_path(self) -> str:
        """Where tools are looked for."""
        return f"{os.environ.get('PATH', os.defpath)}{os.pathsep}{self.tools_dir}"


def _is_redis(url: str) -> bool:
    """Whether it can be read: a password with a bare slash in it would end up in an error about the port."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("redis", "rediss") and parts.port != 0
    except ValueError:
        return False


def load_settings() -> Settings:
    """The settings of this environment; raises SettingsError with one sentence for each wrong value."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(map(_sentence, error.errors()))) from None


def _sentence(error: ErrorDetails) -> str:
    if not error["loc"]:
        return error["msg"].removeprefix("Value error, ")
    return f"{str(error['loc'][0]).upper()} is wrong: {error['msg'].lower()} (got {error['input']!r})"
