"""Every test of this room runs twice: on SQLite and on PostgreSQL."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from library.database import Database
from library.ingest import Ingest, UploadRules
from library.objects import Objects
from optimizers.engine import Engine
from storage.options import StoreOptions
from storage.stores import Stores
from tests.conftest import LIMITS
from utils.concurrency import Slots

TYPES = frozenset({"image/jpeg", "image/png"})


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


@pytest.fixture
def objects(database: Database, tmp_path: Path) -> Objects:
    """Objects in a folder."""
    return Objects(Stores(f"file://{tmp_path}/objects", StoreOptions()), database, 60)


@pytest.fixture
def ingest(database: Database, objects: Objects, engine: Engine, tmp_path: Path) -> Ingest:
    """The one way in."""
    rules = UploadRules(1 << 20, TYPES, LIMITS)
    return Ingest(database, objects, engine, Slots(tmp_path / "slots", 1, 2), rules, 5)
