"""What /v1 does: a tenant's images with their renditions, compared, counted and, once unused, purged."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from exceptions import Missing
from library.comparison import Compared, Comparison
from library.ingest import Wish
from library.library import Library
from library.objects import Place
from library.repository import assets, tenants
from library.repository.near import Near
from library.repository.tenants import Owner
from library.tables import CATALOG, READY, Asset, now
from optimizers.base import Source


@dataclass(frozen=True, slots=True)
class Found:
    """An asset as /v1 tells of it: with the addresses of its renditions, by their ids, and what looks like it."""

    asset: Asset
    urls: Mapping[str, str]
    similar: list[Near]


@dataclass(frozen=True, slots=True)
class Metrics:
    """What is kept."""

    tenant_counts: Mapping[str, int]
    bytes_per_preset: Mapping[str, int]


class Catalog:
    """The catalog over one library."""

    def __init__(self, library: Library, comparison: Comparison, min_age_seconds: int) -> None:
        self._library = library
        self._comparison = comparison
        self._min_age = timedelta(seconds=min_age_seconds)

    async def upload(self, tenant: str, source: Source) -> tuple[Found, bool]:
        """The tenant's asset of these bytes, and whether they are new. Raises PareError."""
        library = self._library
        wish = Wish(Owner(CATALOG, tenant), library.presets, keep_original=True, reuse=True)
        taken = await library.ingest.take(await library.ingest.examine(source), wish)
        return await self._told(taken.asset), taken.created

    async def find(self, asset_id: str) -> Found:
        """The asset of this id. Raises Missing."""
        async with self._library.database.reading() as session:
            asset = await assets.owned(session, CATALOG, asset_id)
        return await self._told(_whole(asset))

    async def use(self, asset_id: str, count: int) -> Found:
        """The same, used so many times from now on. Raises Missing."""
        async with self._library.database.writing() as session:
            asset = _whole(await assets.owned(session, CATALOG, asset_id))
            asset.in_use_count = count
        return await self._told(asset)

    async def compare(self, source: Source) -> list[Compared]:
        """Every preset of an image that need not be kept, scored at its own size. Raises PareError."""
        examined = await self._library.ingest.examine(source)
        alpha = (await self._library.ingest.look(examined))["alpha"]
        return await self._comparison.of(examined, self._library.presets, alpha=alpha)

    async def original(self, asset_id: str) -> Source:
        """An asset's original, without its private metadata. Raises Missing, StorageError."""
        async with self._library.database.reading() as session:
            asset = _whole(await assets.owned(session, CATALOG, asset_id))
        place = Place(asset.tenant.bucket, asset.original_key)
        return Source(await self._library.objects.get(place, self._library.ingest.rules.max_bytes))

    async def candidates(self) -> dict[str, str]:
        """What a purge would delete: ids to content hashes."""
        async with self._library.database.reading() as session:
            return await assets.unused(session, CATALOG, now() - self._min_age)

    async def purge(self) -> tuple[list[str], int]:
        """Delete unused assets, one transaction each; the hashes of the candidates and how many went.

        Their objects follow at once, or with a later sweep where the store is away.
        """
        found = await self.candidates()
        deleted = 0
        for asset_id in found:
            async with self._library.database.writing() as session:
                deleted += await assets.remove_unused(session, asset_id, now() - self._min_age)
        while await self._library.objects.sweep_removed():
            pass
        return list(found.values()), deleted

    async def metrics(self) -> Metrics:
        """Assets of each tenant, bytes of each preset."""
        async with self._library.database.reading() as session:
            counts = await tenants.asset_counts(session, CATALOG)
            return Metrics(counts, await assets.bytes_per_preset(session, CATALOG))

    async def _told(self, asset: Asset) -> Found:
        objects = self._library.objects
        urls = {row.id: await objects.url(Place(row.bucket, row.object_key)) for row in asset.renditions}
        return Found(asset, urls, await self._library.ingest.similar(asset))


def _whole(asset: Asset | None) -> Asset:
    if asset is None or asset.state != READY:
        raise Missing("there is no image of that id")
    return asset
