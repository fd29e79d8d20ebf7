"""Results that wait under an address nobody can guess, with the picture that they were made of."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
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
    """A result as it is answered."""

    data: bytes
    media_type: str
    source_type: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, outcome: Outcome) -> "Output":
        """What came out of the engine, as it is answered."""
        answer = image_answer(outcome)
        headers = {name: value for name, value in answer.headers.items() if name not in ITS_OWN}
        return cls(outcome.data, outcome.made.mime, outcome.spec.mime, headers)

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

    async def keep(self, output: Output, source: Source) -> str:
        """The id that it will be found under. Raises Unavailable where there is no room for it."""
        name = secrets.token_urlsafe(ID_BYTES)
        await self._cache.put(_source_key(name), msgpack.packb(asdict(source)))
        if not await self._cache.put(_key(name), msgpack.packb(asdict(output))):
            raise Unavailable("the result is larger than what can be kept for fetching it (OUTPUT_CACHE_MB)")
        return name

    async def find(self, name: str) -> Output:
        """Raises ObjectMissing for an id that is unknown, or no longer known."""
        packed = await self._cache.get(_key(name))
        if packed is None:
            raise ObjectMissing("there is no such result, or no longer")
        return Output(**msgpack.unpackb(packed))

    async def source(self, name: str) -> Source | None:
        """What the result was made of; None where there is or was no room for it."""
        packed = await self._cache.get(_source_key(name))
        return None if packed is None else Source(**msgpack.unpackb(packed))


def _key(name: str) -> str:
    return f"output:{name}"


def _source_key(name: str) -> str:
    return f"source:{name}"
