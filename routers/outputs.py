"""Results that wait under an address nobody can guess, with the picture that they were made of."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import msgpack
from fastapi import Response

from exceptions import ObjectMissing, Unavailable
from optimizers.base import Source
from optimizers.outcome import Outcome
from routers.answers import image_answer
from utils.result_cache import ResultCache

ID_BYTES = 24
ITS_OWN = ("content-type", "content-length", "server-timing", "cache-status", "vary")
"""Headers of one answer, which no later one repeats."""


@dataclass(frozen=True, slots=True)
class Output:
    """A result, and what can still be made of its source."""

    source: Source
    data: bytes
    media_type: str
    source_type: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, outcome: Outcome) -> "Output":
        """What came out of the engine, as it is answered."""
        answer = image_answer(outcome)
        headers = {name: value for name, value in answer.headers.items() if name not in ITS_OWN}
        return cls(outcome.source, outcome.data, outcome.made.mime, outcome.spec.mime, headers)

    def answer(self, **more: str) -> Response:
        """The bytes, with every fact in the headers."""
        return Response(self.data, headers={**self.headers, **more}, media_type=self.media_type)

    def told(self, url: str) -> dict[str, Any]:
        """What it is and where, in Tinify's words."""
        size, before = len(self.data), int(self.headers["x-original-size"])
        return {
            "input": {"size": before, "type": self.source_type},
            "output": {
                "size": size,
                "type": self.media_type,
                "width": int(self.headers["image-width"]),
                "height": int(self.headers["image-height"]),
                "ratio": round(size / before, 4),
                "url": url,
            },
        }


class Outputs:
    """Outputs by their ids."""

    def __init__(self, cache: ResultCache) -> None:
        self._cache = cache

    async def keep(self, output: Output) -> str:
        """The id that it will be found under. Raises Unavailable where there is no room for it."""
        name = secrets.token_urlsafe(ID_BYTES)
        # Without room for both, what is asked of it later is done to the result.
        alone = replace(output, source=replace(output.source, data=output.data))
        if await self._put(name, output) or await self._put(name, alone):
            return name
        raise Unavailable("the result is larger than what can be kept for fetching it (OUTPUT_CACHE_MB)")

    async def find(self, name: str) -> Output:
        """Raises ObjectMissing for an id that is unknown, or no longer known."""
        packed = await self._cache.get(_key(name))
        if packed is None:
            raise ObjectMissing("there is no such result, or no longer")
        found = msgpack.unpackb(packed)
        return Output(**{**found, "source": Source(**found["source"])})

    async def _put(self, name: str, output: Output) -> bool:
        return await self._cache.put(_key(name), msgpack.packb(asdict(output)))


def _key(name: str) -> str:
    return f"output:{name}"
