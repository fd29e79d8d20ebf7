"""Every object of the library into another store; it may be cut off and goes on where it was, and each is verified."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from exceptions import ObjectMissing, StorageError
from library.database import Database
from library.objects import Objects, Place
from library.repository import kept

AT_ONCE = 8
LARGEST = 1 << 30


@dataclass(slots=True)
class Moved:
    """How far it has come: objects copied now, found verified by an earlier run, missing in the old store, failed."""

    copied: int = 0
    known: int = 0
    missing: int = 0
    failed: int = 0


Told = Callable[[Moved], None]


class Move:
    """Copies from one store to another. The old one keeps everything: it is switched off by STORAGE_URL."""

    def __init__(self, database: Database, source: Objects, target: Objects, ledger: Path) -> None:
        self._database = database
        self._source = source
        self._target = target
        self._ledger = ledger
        """A line for each object that was verified: its SHA-256, bucket and key, between tabs."""

    async def run(self, told: Told = lambda _: None) -> Moved:
        """Copy what no earlier run has; run it again after the switch for what came meanwhile. Raises Unavailable."""
        moved, verified = Moved(), self._verified()
        self._ledger.parent.mkdir(parents=True, exist_ok=True)
        with self._ledger.open("a") as ledger:
            for bucket in await self._buckets():
                waiting: set[asyncio.Task[None]] = set()
                async with self._database.reading() as session:
                    async for key in kept.keys(session, bucket):
                        if Place(bucket, key) in verified:
                            moved.known += 1
                            continue
                        waiting.add(asyncio.create_task(self._one(Place(bucket, key), ledger, moved)))
                        if len(waiting) >= AT_ONCE:
                            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                            told(moved)
                await asyncio.gather(*waiting)
                told(moved)
        return moved

    async def _one(self, place: Place, ledger: TextIO, moved: Moved) -> None:
        """Copy an object and read it back. What fails is counted, and tried again by the next run."""
        try:
            found = await self._source.store(place.bucket).get(place.key, max_bytes=LARGEST)
            info, digest = found.info, hashlib.sha256(found.data).hexdigest()
            target = self._target.store(place.bucket)
            await target.put(place.key, found.data, content_type=info.content_type, cache_control=info.cache_control)
            copied = (await target.get(place.key, max_bytes=LARGEST)).data
        except ObjectMissing:
            moved.missing += 1
        except StorageError:
            moved.failed += 1
        else:
            if hashlib.sha256(copied).hexdigest() != digest:
                moved.failed += 1
                return
            ledger.write(f"{digest}\t{place.bucket}\t{place.key}\n")
            ledger.flush()
            moved.copied += 1

    def _verified(self) -> set[Place]:
        """What earlier runs have copied; a line that was cut off counts for nothing."""
        if not self._ledger.exists():
            return set()
        lines = (line.split("\t") for line in self._ledger.read_text().split("\n")[:-1])
        return {Place(parts[1], parts[2]) for parts in lines if len(parts) == 3}

    async def _buckets(self) -> list[str]:
        async with self._database.reading() as session:
            return list(await kept.buckets(session))
