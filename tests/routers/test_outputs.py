"""Results that wait: found again whole, in memory and in Redis, within their room."""

import pytest

from exceptions import ObjectMissing, Unavailable
from optimizers.base import Source
from routers.outputs import Output, Outputs
from tests.utils.test_result_cache import url as url
from utils.result_cache import open_cache

SENT = Source(bytes(range(256)) * 40, "a.png")
OUTPUT = Output(b"smaller" * 10, "image/webp", "image/png", {"image-width": "3"})


async def test_an_output_is_found_again_and_by_others(url: str) -> None:
    async with open_cache(url, 1 << 20, 1 << 20, 60, room="outputs") as here:
        name = await Outputs(here).keep(OUTPUT, SENT)
        assert len(name) >= 32
        assert await Outputs(here).keep(OUTPUT, SENT) != name
        assert (await Outputs(here).find(name), await Outputs(here).source(name)) == (OUTPUT, SENT)
        if url:
            async with open_cache(url, 1 << 20, 1 << 20, 60, room="outputs") as there:
                assert await Outputs(there).find(name) == OUTPUT


async def test_an_unknown_one_is_missing(url: str) -> None:
    async with open_cache(url, 1 << 20, 1 << 20, 60, room="outputs") as cache:
        with pytest.raises(ObjectMissing):
            await Outputs(cache).find("a" * 32)


async def test_without_room_for_the_source_the_result_waits_alone(url: str) -> None:
    async with open_cache(url, 1000, 1000, 60, room="outputs") as cache:
        outputs = Outputs(cache)
        name = await outputs.keep(OUTPUT, SENT)
        assert (await outputs.find(name), await outputs.source(name)) == (OUTPUT, None)


async def test_without_any_room_it_is_refused(url: str) -> None:
    async with open_cache(url, 50, 50, 60, room="outputs") as cache:
        with pytest.raises(Unavailable, match="OUTPUT_CACHE_MB"):
            await Outputs(cache).keep(OUTPUT, SENT)


async def test_other_results_do_not_push_outputs_out(url: str) -> None:
    async with open_cache(url, 1 << 20, 1 << 20, 60, room="outputs") as cache, open_cache(url, 2000, 2000, 60) as small:
        name = await Outputs(cache).keep(OUTPUT, SENT)
        for number in range(5):
            assert await small.put(str(number), bytes(1500))
        assert await small.get("0") is None
        assert await Outputs(cache).find(name) == OUTPUT
