"""Every test of this room runs twice: on SQLite and on PostgreSQL."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from library.database import Database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of its own for this test."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/library.db"
    url: str = request.getfixturevalue("postgres_server").create(f"test_{secrets.token_hex(6)}")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()
