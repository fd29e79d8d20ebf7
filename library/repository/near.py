"""Near-duplicates: every pHash within a distance, exactly, by an index over its sixteen-bit bands.

Two hashes that differ in at most d bits differ in at most d // 4 bits of one of their four bands (the pigeonhole).
So all bands that are so near are looked up, and what is found is counted bit by bit.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from library.tables import Asset, Band

BANDS, BITS = 4, 16
MASK, ALL = (1 << BITS) - 1, (1 << BANDS * BITS) - 1


class Near(NamedTuple):
    """An asset and in how many bits its pHash differs."""

    asset_id: str
    distance: int


def bands(phash: int) -> Iterator[int]:
    """Each band, with its number above its bits."""
    for number in range(BANDS):
        yield number << BITS | (phash >> number * BITS) & MASK


@cache
def flips(most: int) -> tuple[int, ...]:
    """Every way of changing up to that many of a band's bits."""
    chosen = (bits for count in range(most + 1) for bits in combinations(range(BITS), count))
    return tuple(sum(1 << bit for bit in bits) for bits in chosen)


async def near(session: AsyncSession, tenant_id: int, phash: int, threshold: int) -> list[Near]:
    """The tenant's assets whose pHash differs in at most `threshold` bits, nearest first."""
    wanted = [band ^ flip for band in bands(phash) for flip in flips(threshold // BANDS)]
    query = select(Band.asset_id, Band.phash).where(Band.tenant_id == tenant_id, Band.band.in_(wanted))
    found = {asset_id: ((other ^ phash) & ALL).bit_count() for asset_id, other in await session.execute(query)}
    nearest = sorted((distance, asset_id) for asset_id, distance in found.items() if distance <= threshold)
    return [Near(asset_id, distance) for distance, asset_id in nearest]


def note(session: AsyncSession, asset: Asset) -> None:
    """Let the asset be found by its pHash."""
    assert asset.phash is not None
    session.add_all(
        Band(tenant_id=asset.tenant_id, band=band, phash=asset.phash, asset_id=asset.id) for band in bands(asset.phash)
    )


async def colours(session: AsyncSession, ids: Sequence[str]) -> dict[str, bytes]:
    """The thumbnails of colours of these assets."""
    query = select(Asset.id, Asset.colours).where(Asset.id.in_(ids))
    return {row[0]: row[1] for row in await session.execute(query)}
