"""`library sweep` and `library move`: what is kept, looked through and copied elsewhere."""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from commands.exits import Exit, Wrong
from commands.show import json_line, table, warn
from commands.workbench import settings
from config import Settings
from exceptions import PareError
from library.database import Database
from library.move import Move
from library.objects import Objects
from library.sweep import Strays, sweep
from parts import build_stores, store_options
from storage.stores import Stores

URL_SECONDS = 60


async def swept(*, mend: bool, json: bool) -> Exit:
    """Look for strays; OK where there are none, or none are left."""
    known = settings()
    async with _database(known) as database, _objects(build_stores(known), database) as objects:
        try:
            found = await sweep(database, objects, mend=mend)
        except PareError as error:
            warn(error.detail)
            return Exit.FAILED
    (json_line if json else _show)(_document(found))
    return Exit.OK if mend or found == Strays() else Exit.FAILED


async def moved(target: str, source: str | None, *, json: bool) -> Exit:
    """Copy every object to another store; OK where all of them are there."""
    known = settings()
    ledger = known.data_dir / "moves" / hashlib.sha256(target.encode()).hexdigest()[:16]
    async with (
        _database(known) as database,
        _objects(_stores(source, known) if source else build_stores(known), database) as here,
        _objects(_stores(target, known), database) as there,
    ):
        try:
            done = await Move(database, here, there, ledger).run()
        except PareError as error:
            warn(error.detail)
            return Exit.FAILED
    (json_line if json else _show)(asdict(done))
    return Exit.OK if done.failed == done.missing == 0 else Exit.FAILED


@asynccontextmanager
async def _database(known: Settings) -> AsyncIterator[Database]:
    database = Database(known.database_address)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _objects(stores: Stores, database: Database) -> AsyncIterator[Objects]:
    try:
        yield Objects(stores, database, URL_SECONDS)
    finally:
        await stores.close()


def _stores(url: str, known: Settings) -> Stores:
    """The store that the operator names. Raises Wrong."""
    try:
        return Stores(url, store_options(known))
    except ValueError as error:
        raise Wrong(f"{url!r} is no store: {error}") from None


def _document(found: Strays) -> dict[str, Any]:
    """What a sweep found, in text."""
    named = {"objects": found.objects, "missing": found.missing}
    return {**{kind: [_path(*p) for p in places] for kind, places in named.items()}, "unfinished": found.unfinished}


def _path(bucket: str, key: str) -> str:
    return f"{bucket}/{key}" if bucket else key


def _show(document: Mapping[str, object]) -> None:
    """A row for each number, or for each thing of a list."""
    rows: list[tuple[str, object]] = []
    for kind, value in document.items():
        rows += [(kind, one) for one in value] if isinstance(value, list) else [(kind, value)]
    table(("what", "which"), rows)
