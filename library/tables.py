"""The library's tables, the same on SQLite and PostgreSQL."""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

CATALOG, USER = "catalog", "user"
"""Whose images: a tenant's of /v1, a user's of /api/v1."""
WORKING, READY, FAILED = "working", "ready", "failed"
"""An asset's states: rows and objects are being made, are whole, could not be made."""
ID = String(36)
SERIAL = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column that is called INTEGER."""


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A random UUID as text."""
    return str(uuid.uuid4())


def is_id(text: str) -> bool:
    """Whether it could be one of those: PostgreSQL takes no text with a NUL in it, not even to look for it."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


class Moment(TypeDecorator[datetime]):
    """A time in UTC; SQLite keeps no zone, so it is given back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=value.tzinfo or UTC)


class Base(DeclarativeBase):
    """What all tables share: names of constraints, and how Python's types are kept."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Moment, dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class Tenant(Base):
    """A separate set of images: a tenant of /v1, or one user's bucket of /api/v1."""

    __tablename__ = "tenants"
    __table_args__ = (UniqueConstraint("realm", "name", "bucket"),)

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    realm: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(255))
    bucket: Mapped[str] = mapped_column(String(255))
    """Where its objects lie, as `Stores.named` takes it; empty for the default store."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class Asset(Base):
    """One image of a tenant; the same bytes are the same asset."""

    __tablename__ = "assets"
    __table_args__ = (UniqueConstraint("tenant_id", "content_hash"), Index(None, "state", "claimed_until"))

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    content_hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the bytes as they came, in hex."""
    state: Mapped[str] = mapped_column(String(16), default=WORKING)
    claimed_until: Mapped[datetime] = mapped_column(default=now)
    """Until when whoever works on it may be believed to be alive."""
    original_filename: Mapped[str] = mapped_column(String(255), default="")
    original_format: Mapped[str] = mapped_column(String(16), default="")
    original_size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    original_width: Mapped[int] = mapped_column(default=0)
    original_height: Mapped[int] = mapped_column(default=0)
    original_key: Mapped[str] = mapped_column(String(512), default="")
    """The cleaned original's object, in its tenant's bucket; empty where none is kept."""
    ahash: Mapped[int | None] = mapped_column(BigInteger)
    """64 bits, signed, as phash."""
    phash: Mapped[int | None] = mapped_column(BigInteger)
    colours: Mapped[bytes] = mapped_column(default=b"")
    """A thumbnail of 8 × 8 pixels, RGB."""
    dominant_color: Mapped[str] = mapped_column(String(7), default="")
    placeholder: Mapped[str] = mapped_column(String(64), default="")
    """A blurred preview in some 30 bytes, base64."""
    context: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What the caller said about it."""
    in_use_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now)
    uploaded_at: Mapped[datetime] = mapped_column(default=now)
    """When its bytes last came."""

    tenant: Mapped[Tenant] = relationship(lazy="joined", innerjoin=True)
    renditions: Mapped[list["StoredRendition"]] = relationship(
        lazy="selectin", order_by="StoredRendition.position", cascade="all, delete-orphan", passive_deletes=True
    )


class StoredRendition(Base):
    """One picture made of an asset, and its object, which near-duplicates may share."""

    __tablename__ = "renditions"
    __table_args__ = (UniqueConstraint("asset_id", "preset"), Index(None, "bucket", "object_key"))

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id", ondelete="CASCADE"))
    preset: Mapped[str] = mapped_column(String(64))
    position: Mapped[int]
    """The order of the presets."""
    bucket: Mapped[str] = mapped_column(String(255))
    object_key: Mapped[str] = mapped_column(String(512))
    format: Mapped[str] = mapped_column(String(16))
    mime: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int]
    height: Mapped[int]
    quality: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)

    def copied(self) -> "StoredRendition":
        """Another asset's row of the same object."""
        kept = (
            "preset",
            "position",
            "bucket",
            "object_key",
            "format",
            "mime",
            "size_bytes",
            "width",
            "height",
            "quality",
        )
        return StoredRendition(**{name: getattr(self, name) for name in kept})


class Band(Base):
    """Sixteen bits of an asset's pHash: what near ones are found by (docs/decisions)."""

    __tablename__ = "phash_bands"
    __table_args__ = (
        PrimaryKeyConstraint("tenant_id", "band", "phash", "asset_id"),
        Index(None, "asset_id"),
        {"sqlite_with_rowid": False},
    )

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    band: Mapped[int] = mapped_column(Integer)
    """Which sixteen bits, times 65,536, and the bits."""
    phash: Mapped[int] = mapped_column(BigInteger)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id", ondelete="CASCADE"))


class Removal(Base):
    """An object that no row needs any more and that is still to be deleted."""

    __tablename__ = "object_removals"

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    bucket: Mapped[str] = mapped_column(String(255))
    object_key: Mapped[str] = mapped_column(String(512))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Job(Base):
    """One upload of /api/v1 on its way to variants; the row is the truth, messages are only hints."""

    __tablename__ = "processing_jobs"
    __table_args__ = (
        Index(None, "status", "created_at"),
        Index(None, "status", "due_at"),
        Index(None, "image_id"),
    )

    job_id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(String(255))
    image_id: Mapped[str] = mapped_column(ID)
    """An asset's id; jobs outlive what was deleted."""
    status: Mapped[str] = mapped_column(String(16), default="pending")
    storage_bucket: Mapped[str] = mapped_column(String(255))
    staging_path: Mapped[str] = mapped_column(String(512), default="")
    processed_paths: Mapped[dict[str, Any]] = mapped_column(default=dict)
    processing_metadata: Mapped[dict[str, Any]] = mapped_column(default=dict)
    attempt_count: Mapped[int] = mapped_column(default=0)
    max_retries: Mapped[int] = mapped_column(default=3)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    seconds: Mapped[float | None]
    """What the attempt that ended it took."""
    callback_url: Mapped[str | None] = mapped_column(Text)
    claim: Mapped[str | None] = mapped_column(ID)
    """The word of whoever works on it; only with it may its end be written."""
    claimed_until: Mapped[datetime] = mapped_column(default=now)
    """Nobody else may claim it before: the end of a lease, or of a pause between two tries."""
    due_at: Mapped[datetime] = mapped_column(default=now)
    """When a message about it has to be sent again, unless it is finished by then."""


class JobWorker(Base):
    """A worker that says now and then that it is alive."""

    __tablename__ = "job_workers"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    active: Mapped[int] = mapped_column(default=0)
    seen_at: Mapped[datetime] = mapped_column(default=now)


class UploadEvent(Base):
    """The audit trail: one row for every step of an upload."""

    __tablename__ = "image_upload_events"
    __table_args__ = (Index(None, "job_id"), Index(None, "created_at"))

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    job_id: Mapped[str] = mapped_column(ID)
    image_id: Mapped[str] = mapped_column(ID)
    user_id: Mapped[str] = mapped_column(String(255))
    event: Mapped[str] = mapped_column(String(32))
    """upload_initiated, processing_started, completed, failed and what comes between."""
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now)


class WebhookDelivery(Base):
    """One message to a caller's `callback_url`; its id is the webhook-id, the same in every try."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (Index(None, "status", "next_attempt_at"), Index(None, "job_id"))

    id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    job_id: Mapped[str] = mapped_column(ID)
    url: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(default=dict)
    status: Mapped[str] = mapped_column(String(16), default="pending")
    attempt_count: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(default=now)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    delivered_at: Mapped[datetime | None]


class Batch(Base):
    """Many images under one set of options."""

    __tablename__ = "batches"

    batch_id: Mapped[str] = mapped_column(ID, primary_key=True, default=new_id)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants.id"))
    status: Mapped[str] = mapped_column(String(16), default="pending")
    source: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """`{"urls": count}` or `{"prefix": …}`."""
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    estimate: Mapped[dict[str, Any]] = mapped_column(default=dict)
    total: Mapped[int] = mapped_column(default=0)
    callback_url: Mapped[str | None] = mapped_column(Text)
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    due_at: Mapped[datetime] = mapped_column(default=now)
    """When messages about it have to be sent again, unless it is finished by then."""

    tenant: Mapped[Tenant] = relationship(lazy="joined", innerjoin=True)


class BatchItem(Base):
    """One image of a batch, and its receipt once it is done."""

    __tablename__ = "batch_items"
    __table_args__ = (UniqueConstraint("batch_id", "position"), Index(None, "batch_id", "status"))

    id: Mapped[int] = mapped_column(SERIAL, primary_key=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.batch_id", ondelete="CASCADE"))
    position: Mapped[int]
    source: Mapped[str] = mapped_column(Text)
    """A URL, or an object's key."""
    status: Mapped[str] = mapped_column(String(16), default="pending")
    claimed_until: Mapped[datetime] = mapped_column(default=now)
    attempt_count: Mapped[int] = mapped_column(default=0)
    receipt: Mapped[dict[str, Any]] = mapped_column(default=dict)
    last_error: Mapped[str | None] = mapped_column(Text)
    completed_at: Mapped[datetime | None]
