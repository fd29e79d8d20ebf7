"""What stores have to know from the settings; handed down as values."""

from dataclasses import dataclass, field
from pathlib import Path

from storage.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class S3Options:
    """An S3-compatible service. Without keys: the environment's own (roles of machines and containers)."""

    endpoint: str = ""
    region: str = "us-east-1"
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    path_style: bool = True
    encryption: str = ""
    kms_key_id: str = ""


@dataclass(frozen=True, slots=True)
class GcsOptions:
    """Google Cloud Storage by the environment's default credentials; an emulator's `endpoint` may ask for none."""

    endpoint: str = ""
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class SupabaseOptions:
    """A Supabase project and the key of its service role."""

    url: str = ""
    service_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """All that opening a store may need; `folder` holds local buckets where the default store is not local."""

    s3: S3Options = S3Options()
    gcs: GcsOptions = GcsOptions()
    supabase: SupabaseOptions = SupabaseOptions()
    folder: Path = Path("data/objects")
    retry: RetryPolicy = field(default_factory=RetryPolicy)
