"""One way in for every image that is kept: looked at, hashed, drawn in every variant, stored, written down.

Whatever dies where, the same upload completes it: an asset's row is there before its first object, objects have names
that follow from it, and it is whole only once everything of it is. Who works on it holds a claim that ends by itself.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from exceptions import FormatRefused, PareError, PayloadTooLarge, Unavailable
from library.database import Database
from library.fingerprint import Look, fingerprint
from library.likeness import alike, same_light
from library.objects import Objects, Place
from library.repository import assets, near
from library.repository.near import Near
from library.repository.tenants import Owner
from library.tables import READY, Asset, StoredRendition
from library.variants import Variant, object_key
from optimizers.base import ImageInfo, Optimizer, Source
from optimizers.engine import Engine, admit
from optimizers.policy import Metadata
from optimizers.router import detect
from optimizers.task import error_of
from security.file_validation import ImageLimits
from utils.concurrency import Slots

LEASE_SECONDS = 30.0
"""How long a claim holds without a sign of life."""
PATIENCE_SECONDS = 90.0
"""How long an upload waits for another one of the same bytes."""
POLL_SECONDS = 0.5
MOST_TOLD = 50
"""Similar ones that are told of."""
ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class UploadRules:
    """What may come in: bytes, and media types by what the bytes are."""

    max_bytes: int
    mime_types: frozenset[str]
    limits: ImageLimits


@dataclass(frozen=True, slots=True)
class Examined:
    """An upload whose header has been read and may come in."""

    source: Source
    digest: str
    """SHA-256 in hex."""
    optimizer: Optimizer
    info: ImageInfo

    @property
    def facts(self) -> dict[str, Any]:
        """What its asset's row says from the start."""
        width, height = self.info.displayed_size
        return {
            "original_filename": (self.source.filename or "")[:255],
            "original_format": self.optimizer.spec.name,
            "original_size_bytes": len(self.source.data),
            "original_width": width,
            "original_height": height,
        }


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall be made of an upload."""

    owner: Owner
    variants: Sequence[Variant]
    keep_original: bool = False
    """Whether the cleaned original is stored, too."""
    reuse: bool = False
    """Whether a near-duplicate's pictures are as good as its own."""
    discard: bool = True
    """Whether an asset that cannot be made leaves no row; else its row waits for another try."""


class Ingested(NamedTuple):
    """An asset that is whole, and whether this upload made it."""

    asset: Asset
    created: bool


Told = Callable[[str], Awaitable[None]]
"""Is told the name of each variant that is stored."""


async def _nobody(variant: str) -> None:
    """Hears nothing."""


class Ingest:
    """The pipeline over one database, one engine and the stores."""

    def __init__(
        self, database: Database, objects: Objects, engine: Engine, slots: Slots, rules: UploadRules, threshold: int
    ) -> None:
        self._database = database
        self._objects = objects
        self._engine = engine
        self._slots = slots
        self.rules = rules
        self._threshold = threshold
        self._at_work: dict[tuple[Owner, str], asyncio.Event] = {}
        """What this process works on: who waits here asks the database nothing meanwhile."""

    async def examine(self, source: Source) -> Examined:
        """Judge an upload by its bytes; no pixel is decoded.

        Raises PayloadTooLarge, UnknownFormat, FormatRefused, UnprocessableImage, ImageLimitExceeded.
        """
        size, limit = len(source.data), self.rules.max_bytes
        if size > limit:
            raise PayloadTooLarge(f"the file has {size:,} bytes; the limit is {limit:,}", limit=limit, actual=size)
        optimizer = detect(source.data, self._engine.formats)
        if optimizer.spec.mime not in self.rules.mime_types or optimizer.spec.decoder is None:
            raise FormatRefused(f"{optimizer.spec.mime} is not among {', '.join(sorted(self.rules.mime_types))}")
        info = await asyncio.to_thread(optimizer.inspect, source.data)
        admit(optimizer, info, self.rules.limits, drawn=True)
        return Examined(source, hashlib.sha256(source.data).hexdigest(), optimizer, info)

    async def take(self, examined: Examined, wish: Wish, told: Told = _nobody) -> Ingested:
        """The whole asset of these bytes: found, waited for, or made now.

        Raises PareError; Busy where there is no place to work, Unavailable where another one works on it for too long.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        key = (wish.owner, examined.digest)
        while asyncio.get_running_loop().time() < deadline:
            if at_work := self._at_work.get(key):
                await at_work.wait()
            async with self._database.writing() as session:
                claim = await assets.claim(session, wish.owner, examined.digest, examined.facts, LEASE_SECONDS)
            if claim.mine:
                async with self._held(claim.asset, wish) as written, self._slots.place():
                    return Ingested(await self._made(claim.asset, examined, wish, told, written), created=True)
            if claim.asset.state == READY:
                return Ingested(claim.asset, created=False)
            if key not in self._at_work:  # another process's
                await asyncio.sleep(POLL_SECONDS)
        raise Unavailable("another upload of the same bytes is still being worked on")

    async def similar(self, asset: Asset) -> list[Near]:
        """The tenant's other assets that look like it, nearest first."""
        assert asset.phash is not None
        async with self._database.reading() as session:
            found = await near.near(session, asset.tenant_id, asset.phash, self._threshold)
            nearest = [other for other in found if other.asset_id != asset.id][:MOST_TOLD]
            colours = await near.colours(session, [other.asset_id for other in nearest])
        return [other for other in nearest if same_light(asset.colours, colours[other.asset_id])]

    async def _made(self, asset: Asset, examined: Examined, wish: Wish, told: Told, written: list[Place]) -> Asset:
        found = await self.look(examined)
        original = await self._kept(asset, examined, written) if wish.keep_original else ""
        if wish.reuse and (adopted := await self._adopted(asset, found, wish, original, written)):
            return adopted
        rows = []
        for position, variant in enumerate(wish.variants):
            rows.append(await self._drawn(asset, examined, variant, position, found["alpha"], written))
            await told(variant.name)
        async with self._database.writing() as session:
            return await assets.complete(session, asset.id, found, rows, original, written)

    async def look(self, examined: Examined) -> Look:
        """Look at all of its pixels. Raises UnprocessableImage, ToolError."""
        tools, decoder = self._engine.toolbox(), examined.optimizer.spec.decoder
        assert decoder
        async with self._slots.slot():
            found = await tools.call(fingerprint, examined.source.data, decoder, examined.info.orientation)
        if found is None:
            raise error_of(tools)
        return found

    async def _adopted(
        self, asset: Asset, found: Look, wish: Wish, original: str, written: Sequence[Place]
    ) -> Asset | None:
        """The asset with the pictures of one that looks the same; None where there is none as good as its own."""
        async with self._database.reading() as session:
            found_near = await near.near(session, asset.tenant_id, found["phash"], self._threshold)
            twins = await assets.several(session, [other.asset_id for other in found_near[:MOST_TOLD]])
        for twin_id in [twin.id for twin in twins if alike(twin, asset, found, wish.variants)]:
            async with self._database.writing() as session:
                # One whole asset and then one that is not: in this order nobody waits for another in a circle.
                twin = await assets.locked(session, twin_id)
                if twin and alike(twin, asset, found, wish.variants):
                    rows = [row.copied() for row in twin.renditions]
                    return await assets.complete(session, asset.id, found, rows, original, written)
        return None

    async def _drawn(
        self, asset: Asset, examined: Examined, variant: Variant, position: int, alpha: bool, written: list[Place]
    ) -> StoredRendition:
        outcome = await self._engine.render(examined.source, variant.rendition(), variant.policy(alpha=alpha))
        key = object_key(variant.name, asset.id, outcome.made.extensions[0])
        place = Place(asset.tenant.bucket, key)
        written.append(place)
        await self._objects.put(place, outcome.data, outcome.made.mime)
        width, height = outcome.before.displayed_size
        return StoredRendition(
            preset=variant.name,
            position=position,
            bucket=place.bucket,
            object_key=place.key,
            format=outcome.made.name,
            mime=outcome.made.mime,
            size_bytes=len(outcome.data),
            width=width,
            height=height,
            quality=outcome.quality or variant.quality,
        )

    async def _kept(self, asset: Asset, examined: Examined, written: list[Place]) -> str:
        """Store the original without its private metadata; its key."""
        tools, spec = self._engine.toolbox(), examined.optimizer.spec
        async with self._slots.slot():
            cleaned = await examined.optimizer.clean(examined.source.data, Metadata.SAFE, tools)
        if cleaned is None:
            raise error_of(tools)
        place = Place(asset.tenant.bucket, object_key(ORIGINAL, asset.id, spec.extensions[0]))
        written.append(place)
        await self._objects.put(place, cleaned.data, spec.mime)
        return place.key

    @asynccontextmanager
    async def _held(self, asset: Asset, wish: Wish) -> AsyncIterator[list[Place]]:
        """A claim that is kept alive, and given up at once where the work fails; yields where objects are noted."""
        written: list[Place] = []
        key = (wish.owner, asset.content_hash)
        ended = self._at_work[key] = asyncio.Event()
        alive = asyncio.create_task(self._stay_alive(asset.id, ended))
        try:
            yield written
        except BaseException:
            await asyncio.shield(self._give_up(asset, wish, written))
            raise
        finally:
            if self._at_work.get(key) is ended:  # given up, it may be another's already
                del self._at_work[key]
            ended.set()  # never cancelled: a query that is cut off costs its connection
            await alive

    async def _stay_alive(self, asset_id: str, ended: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), LEASE_SECONDS / 3)
                return
            with suppress(Unavailable):
                async with self._database.writing() as session:
                    await assets.prolong(session, asset_id, LEASE_SECONDS)

    async def _give_up(self, asset: Asset, wish: Wish, written: Sequence[Place]) -> None:
        """Nothing of it stays, or its row does and waits for another try."""
        with suppress(PareError):  # without its database the claim ends by itself
            async with self._database.writing() as session:
                await assets.give_up(session, asset.id, written, discard=wish.discard)
            await self._objects.sweep_removed()
