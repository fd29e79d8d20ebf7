"""GET /images without HTTP: finds originals, names variants, and makes each of them once for everybody who asks."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from delivery.drawing import draw
from delivery.negotiation import chosen
from delivery.origin import Origin, Original, digest_of
from delivery.parameters import AUTO, ORIGINAL, Wishes
from delivery.rendered import Rendered, unpacked
from delivery.shelf import Shelf
from optimizers.base import Source
from optimizers.engine import Engine
from utils.result_cache import HIT, Codec, ResultCache

REVISION = "1"
"""To be raised with every change after which the same URL gives another image."""
SHELVED = f"{HIT}; detail=bucket"
Place = Callable[[], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Variant:
    """One image made of an original: what it is kept under, and what it is told apart by."""

    original: Original
    wishes: Wishes
    negotiated: str
    key: str
    """`DIGEST:IDENTITY:CANONICAL`: of the path, of what it was made of and by, of what was asked for."""

    @property
    def etag(self) -> str:
        """Known before any work. Weak, as another container's encoder may write other bytes of the same look."""
        return f'W/"{digest_of(self.key)}"'


class Delivery:
    """Variants of the originals in one store; `place` is where a picture waits that has to be worked on."""

    def __init__(
        self, origin: Origin, engine: Engine, results: ResultCache, shelf: Shelf | None, place: Place, revision: str
    ) -> None:
        self.origin = origin
        self._engine = engine
        self._results = results
        self._shelf = shelf
        self._place = place
        self._revision = digest_of(REVISION, revision)
        self._codec = Codec(Rendered.packed, self._unpacked)
        self.specs = {optimizer.spec.name: optimizer.spec for optimizer in engine.formats}

    async def find(self, path: str, wishes: Wishes, accept: str) -> Variant:
        """The variant that is asked for; nothing is read but what the store says of the original.

        Raises InvalidKey, ObjectMissing, StorageError.
        """
        original = await self.origin.find(path)
        negotiated = chosen(accept, self._engine.formats, path) if wishes.format == AUTO else ""
        identity = digest_of(self._revision, original.identity)
        if wishes.format == AUTO:
            wishes = replace(wishes, format=f"{AUTO}-{negotiated}" if negotiated else ORIGINAL)
        return Variant(original, wishes, negotiated, f"{original.digest}:{identity}:{wishes.canonical}")

    async def known(self, variant: Variant) -> Rendered | None:
        """The variant, where it was made before and lies near."""
        return await self._results.find(variant.key, self._codec)

    async def made(self, variant: Variant, spans: Mapping[str, float]) -> tuple[Rendered, str]:
        """The variant that is not known, and how it was come by in the words of `Cache-Status`. Raises PareError."""
        shelved = False

        async def make() -> Rendered:
            nonlocal shelved
            found = await self._from_shelf(variant)
            shelved = found is not None
            return found or await self._drawn(variant, spans)

        image, status = await self._results.made(variant.key, make, self._codec)
        return image, SHELVED if shelved else status

    async def purge(self, path: str, *, dry_run: bool) -> list[str]:
        """What is kept of an original, in words; gone from every layer unless this is a dry run.

        Raises InvalidKey, Unavailable, StorageError: what cannot be reached is not known to be gone.
        """
        await self.origin.look_again(path)
        digest = digest_of(path)
        near = await self._results.keys(f"{digest}:")
        far = await self._shelf.keys(digest) if self._shelf else []
        if not dry_run:
            await self._results.drop(near)
            if self._shelf:
                await self._shelf.drop(far)
        return sorted({key.split(":", 2)[-1] for key in (*near, *far)})

    async def close(self) -> None:
        """Give back connections and threads."""
        await self.origin.close()
        if self._shelf:
            await self._shelf.close()

    async def _drawn(self, variant: Variant, spans: Mapping[str, float]) -> Rendered:
        async with self._place():
            started = time.perf_counter()
            data, unchanged = await self.origin.read(variant.original)
            fetched = spans.get("fetch", 0.0) + _since(started)
            source = Source(data, variant.original.key)
            outcome = await draw(self._engine, source, variant.wishes, variant.negotiated, {**spans, "fetch": fetched})
        image = Rendered.of(outcome)
        return await self._shelve(variant, replace(image, repeatable=image.repeatable and unchanged))

    async def _shelve(self, variant: Variant, image: Rendered) -> Rendered:
        packed = image.packed() if self._shelf else None
        if not self._shelf or packed is None:
            return image
        started = time.perf_counter()
        await self._shelf.put(variant.key, packed)
        return replace(image, spans={**image.spans, "store": _since(started)})

    async def _from_shelf(self, variant: Variant) -> Rendered | None:
        packed = await self._shelf.get(variant.key) if self._shelf else None
        try:
            return self._unpacked(packed) if packed else None
        except ValueError:
            return None

    def _unpacked(self, data: bytes) -> Rendered:
        return unpacked(data, self.specs)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
