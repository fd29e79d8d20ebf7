"""Leases, owners and workers of jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels = None
depends_on = None
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "job_workers",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_job_workers"),
    )
    with op.batch_alter_table("processing_jobs") as jobs:
        jobs.add_column(sa.Column("user_id", sa.String(length=255), nullable=False))
        jobs.add_column(sa.Column("seconds", sa.Double(), nullable=True))
        jobs.add_column(sa.Column("callback_url", sa.Text(), nullable=True))
        jobs.add_column(sa.Column("claim", sa.String(length=36), nullable=True))
        jobs.add_column(sa.Column("claimed_until", MOMENT, nullable=False))
        jobs.add_column(sa.Column("due_at", MOMENT, nullable=False))
        jobs.create_index("ix_processing_jobs_status_due_at", ["status", "due_at"])
    with op.batch_alter_table("batches") as batches:
        batches.add_column(sa.Column("due_at", MOMENT, nullable=False))


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("batches") as batches:
        batches.drop_column("due_at")
    with op.batch_alter_table("processing_jobs") as jobs:
        jobs.drop_index("ix_processing_jobs_status_due_at")
        for name in ("due_at", "claimed_until", "claim", "callback_url", "seconds", "user_id"):
            jobs.drop_column(name)
    op.drop_table("job_workers")
