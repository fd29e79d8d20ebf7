"""How long near-duplicates are looked for among a million perceptual hashes of one tenant.

python -m benchmarks near
python -m benchmarks near --hashes 200000 --database postgresql://pare@127.0.0.1/near
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.table import markdown, number
from library.database import Database
from library.repository import near
from library.repository.tenants import Owner, tenant_of
from library.tables import CATALOG, READY, Asset, Band, new_id

AT_ONCE = 10_000
LOOKS = 200
THRESHOLDS = (0, 3, 5, 7, 10)
SIGN = 1 << 63


def main(argv: Sequence[str] | None = None) -> int:
    """Fill a database, look into it and print; 1 where a look misses the hash that it was made from."""
    args = _arguments(argv)
    with tempfile.TemporaryDirectory() as folder:
        url = args.database or f"sqlite:///{folder}/near.db"
        return asyncio.run(measured(url, args.hashes, args.seed))


async def measured(url: str, count: int, seed: int) -> int:
    """Fill and look."""
    database, rng = Database(url), np.random.default_rng(seed)
    hashes = rng.integers(-SIGN, SIGN, count, dtype=np.int64)
    started = time.perf_counter()
    tenant = await filled(database, hashes)
    print(f"{count:,} hashes written in {time.perf_counter() - started:.0f} s\n")
    rows, missed = [], 0
    for threshold in THRESHOLDS:
        times, found = [], 0
        for sought in changed(hashes, threshold, rng):
            async with database.reading() as session:
                await session.execute(text("SELECT 1"))  # a connection and a transaction are had by whoever asks
                started = time.perf_counter()
                near_ones = await near.near(session, tenant, sought, threshold)
                times.append((time.perf_counter() - started) * 1000)
            found += len(near_ones)
            missed += not near_ones
        scan = scanned(hashes, rng)
        p95 = sorted(times)[int(0.95 * LOOKS)]
        rows.append([str(threshold), *map(number, (median(times), p95, max(times))), str(found), number(scan)])
    print(markdown(["threshold", "median ms", "p95 ms", "slowest ms", "found", "numpy scan ms"], rows))
    print(f"\nlooks that missed what they were made from: {missed}")
    await database.close()
    return int(missed > 0)


async def filled(database: Database, hashes: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> int:
    """Assets and bands of these hashes; their tenant's number."""
    async with database.writing() as session:
        tenant = (await tenant_of(session, Owner(CATALOG, f"near-{secrets.token_hex(4)}"))).id
    for at in range(0, len(hashes), AT_ONCE):
        async with database.writing() as session:
            await _write(session, tenant, [int(phash) for phash in hashes[at : at + AT_ONCE]])
    if not database.is_sqlite:
        async with database.writing() as session:
            await session.execute(text("ANALYZE"))
    return tenant


async def _write(session: AsyncSession, tenant: int, hashes: Sequence[int]) -> None:
    ids = [new_id() for _ in hashes]
    fixed = {"tenant_id": tenant, "state": READY, "colours": bytes(192)}
    assets = [
        {"id": id_, "phash": phash, "content_hash": secrets.token_hex(32), **fixed}
        for id_, phash in zip(ids, hashes, strict=True)
    ]
    bands = [
        {"tenant_id": tenant, "band": band, "phash": phash, "asset_id": id_}
        for id_, phash in zip(ids, hashes, strict=True)
        for band in near.bands(phash)
    ]
    await session.execute(insert(Asset), assets)
    await session.execute(insert(Band), bands)


def changed(hashes: "np.ndarray[tuple[int], np.dtype[np.int64]]", bits: int, rng: np.random.Generator) -> Iterator[int]:
    """Some of the hashes, each with so many of its bits turned."""
    for _ in range(LOOKS):
        sought = int(hashes[rng.integers(len(hashes))])
        for bit in rng.choice(64, size=bits, replace=False):
            sought ^= 1 << int(bit)
        yield (sought + SIGN) % (2 * SIGN) - SIGN


def scanned(hashes: "np.ndarray[tuple[int], np.dtype[np.int64]]", rng: np.random.Generator) -> float:
    """The other way: every hash in memory, compared with one; milliseconds."""
    sought = hashes[rng.integers(len(hashes))]
    started = time.perf_counter()
    np.nonzero(np.bitwise_count(hashes ^ sought) <= THRESHOLDS[-1])
    return (time.perf_counter() - started) * 1000


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks near", description=__doc__)
    parser.add_argument("--hashes", type=int, default=1_000_000)
    parser.add_argument("--database", default="", help="its URL; else SQLite in a temporary folder")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
