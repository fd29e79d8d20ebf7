"""The library's database: SQLite in a file or PostgreSQL, opened once, migrated before its first use."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import structlog
from alembic import command
from alembic.config import Config
from asyncpg import PostgresError
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from exceptions import Unavailable

MIGRATIONS = Path(__file__).parent / "migrations"
CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 30.0
BUSY_SECONDS = 20
"""How long a writer of SQLite waits for another one."""
AGAIN_SECONDS = 2.0
"""After a failed start, nobody waits for another one so soon."""
PROBE_SECONDS = 3.0
POOL = {"pool_size": 5, "max_overflow": 5, "pool_timeout": 10}
MIGRATION_LOCK = 0x50415245
"""PostgreSQL's advisory lock that one migration at a time holds: any number that nobody else uses."""
AGAIN = frozenset(("40001", "40P01"))
"""PostgreSQL's states of a transaction that got into another one's way."""
WRITES = "pare_writes"
log = structlog.get_logger("pare.library")


class Database:
    """One database; every use may raise Unavailable, and none waits for ever."""

    def __init__(self, url: str) -> None:
        self.url = address(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._engine = _sqlite(self.url) if self.is_sqlite else _postgresql(self.url)
        self._writer = self._engine.execution_options(**{WRITES: True})
        self._preparing = asyncio.Lock()
        self._prepared = False
        self._failed_at = -AGAIN_SECONDS
        self._probe: asyncio.Task[bool] | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """One consistent look. Raises Unavailable."""
        await self.prepare()
        with _stated():
            async with AsyncSession(self._engine, expire_on_commit=False) as session:
                yield session

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """One transaction, committed at its end, undone by any exception. Raises Unavailable.

        On SQLite it is the only one from its start, so that what it has read still holds when it writes.
        """
        await self.prepare()
        with _stated():
            async with AsyncSession(self._writer, expire_on_commit=False) as session, session.begin():
                yield session

    async def prepare(self) -> None:
        """Bring the tables up to date, once; several processes may start at the same time. Raises Unavailable."""
        if self._prepared:
            return
        async with self._preparing:
            if self._prepared:
                return
            if time.monotonic() < self._failed_at + AGAIN_SECONDS:
                raise Unavailable("the library's database cannot be reached")
            try:
                with _stated():
                    await self._migrate()
            except Unavailable:
                self._failed_at = time.monotonic()
                raise
            self._prepared = True

    async def answers(self) -> bool:
        """Whether the database answers just now."""
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._probed())
        # Never cancelled: a query that is cut off costs its connection. It has limits of its own.
        done, _ = await asyncio.wait({self._probe}, timeout=PROBE_SECONDS)
        return bool(done) and self._probe.result()

    async def close(self) -> None:
        """Give back the connections."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait({self._probe})
        await self._engine.dispose()

    async def _probed(self) -> bool:
        try:
            async with self.reading() as session:
                await session.execute(text("SELECT 1"))
        except Unavailable:
            return False
        return True

    async def _migrate(self) -> None:
        if self.is_sqlite:
            Path(self.url.database or "").parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            await _write_ahead(self._engine)
        async with self._writer.begin() as connection:
            if not self.is_sqlite:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            await connection.run_sync(_upgrade)


def address(url: str) -> URL:
    """The URL with the driver that is used here; raises ValueError where it is none of SQLite or PostgreSQL."""
    try:
        found = make_url(url)
    except Exception as error:
        raise ValueError("it is not a URL") from error
    match found.get_backend_name():
        case "sqlite":
            return found.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return _with_ssl(found.set(drivername="postgresql+asyncpg"))
    raise ValueError("it has to begin with sqlite:/// or postgresql://")


def _with_ssl(url: URL) -> URL:
    """libpq's `sslmode`, as hosters write it, in asyncpg's words."""
    mode = url.query.get("sslmode")
    return url if mode is None else url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _sqlite(url: URL) -> AsyncEngine:
    engine = create_async_engine(url, **POOL)

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # else Python's driver begins transactions by rules of its own
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={BUSY_SECONDS * 1000}", "foreign_keys=ON", "synchronous=NORMAL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def began(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


async def _write_ahead(engine: AsyncEngine) -> None:
    """Let readers go on while one writes. The file remembers it; changing it waits for nobody, so it is tried."""
    async with asyncio.timeout(BUSY_SECONDS), engine.connect() as connection:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        assert driver is not None
        while True:
            try:
                await driver.execute("PRAGMA journal_mode=WAL")
                return
            except Exception as error:
                if "locked" not in str(error):
                    raise
                await asyncio.sleep(0.05)


def _postgresql(url: URL) -> AsyncEngine:
    limits = {"timeout": CONNECT_SECONDS, "command_timeout": COMMAND_SECONDS}
    return create_async_engine(url, connect_args=limits, pool_pre_ping=True, pool_recycle=1800, **POOL)


@contextmanager
def _stated() -> Iterator[None]:
    """Every way in which a database can be away is one answer."""
    try:
        yield
    except (OSError, TimeoutError, NoConnection, DBAPIError, PostgresError) as error:
        if isinstance(error, DBAPIError) and not _passes(error):
            raise
        log.warning("the database failed", cause=f"{type(error).__name__}: {str(error).splitlines()[:1]}")
        raise Unavailable("the library's database cannot be reached") from error


def _passes(error: DBAPIError) -> bool:
    """Whether it is the database's state, and not the query, that is wrong."""
    again = getattr(error.orig, "sqlstate", None) in AGAIN
    return again or error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
