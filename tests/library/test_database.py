"""The database: migrated once by many, never waited for without end, one transaction at a time where it matters."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select

from exceptions import Unavailable
from library.database import Database, address
from library.repository.tenants import Owner, tenant_of
from library.tables import CATALOG, Base, Tenant
from tests.conftest import free_port
from tests.postgres_server import PostgresServer
from utils.worker_pool import ROOT

START = """
import asyncio, sys
from library.database import Database

async def main() -> None:
    database = Database(sys.argv[1])
    await database.prepare()
    await database.close()

asyncio.run(main())
"""


def difference(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))


async def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    async with database.reading() as session:
        connection = await session.connection()
        assert await connection.run_sync(difference) == []


def test_many_processes_may_start_at_once(database_url: str) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", START, database_url], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [(process.communicate()[1], process.returncode) for process in started] == [(b"", 0)] * 3


async def test_what_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(KeyError):
        async with database.writing() as session:
            await tenant_of(session, Owner(CATALOG, "shop"))
            raise KeyError
    async with database.reading() as session:
        assert await session.scalar(select(func.count(Tenant.id))) == 0


async def test_the_same_owner_is_made_once(database: Database) -> None:
    async def number() -> int:
        async with database.writing() as session:
            return (await tenant_of(session, Owner(CATALOG, "shop"))).id

    assert len(set(await asyncio.gather(*(number() for _ in range(12))))) == 1


async def test_a_database_that_is_away_is_said_at_once() -> None:
    database = Database(f"postgresql://pare@127.0.0.1:{free_port()}/none")
    async with asyncio.timeout(10):
        for _ in range(3):
            with pytest.raises(Unavailable):
                async with database.reading():
                    pass
        assert not await database.answers()
    await database.close()


async def test_one_that_never_answers_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://pare@127.0.0.1:{silent.getsockname()[1]}/none")
        async with asyncio.timeout(20):
            assert not await database.answers()
        await database.close()


async def test_one_that_comes_back_is_used_again(tmp_path: Path) -> None:
    with PostgresServer(free_port()) as server:
        database = Database(server.create("back"))
        assert await database.answers()
        server.stop()
        assert not await database.answers()
        server.start()
        assert await database.answers()
        await database.close()


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        await Database(f"sqlite:///{tmp_path}/file/library.db").prepare()


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:////srv/library.db", "sqlite+aiosqlite"),
        ("postgres://u:p@h/n", "postgresql+asyncpg"),
        ("postgresql+asyncpg://u:p@h/n?sslmode=require", "postgresql+asyncpg"),
    ],
)
def test_addresses_as_hosters_write_them(url: str, driver: str) -> None:
    found = address(url)
    assert found.drivername == driver
    assert dict(found.query) in ({}, {"ssl": "require"})
