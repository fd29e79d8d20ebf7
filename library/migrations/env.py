"""Alembic's entry: migrates over the connection that `library/database.py` hands in."""

from alembic import context

from library.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
