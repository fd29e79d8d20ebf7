"""Counting what was made, and going on where nothing can be counted."""

from limits.aio.storage import MemoryStorage

from security.rate_limiter import open_storage
from security.usage import Usage
from tests.conftest import free_port


async def test_each_caller_has_a_count() -> None:
    usage = Usage(MemoryStorage())
    assert await usage.count("a") == 0
    assert [await usage.add("a"), await usage.add("a"), await usage.add("b")] == [1, 2, 1]
    assert (await usage.count("a"), await usage.count("c")) == (2, 0)


async def test_containers_count_together(redis_server: str) -> None:
    async with open_storage(redis_server) as here, open_storage(redis_server) as there:
        before = await Usage(here).add("shared") or 0
        assert await Usage(there).add("shared") == before + 1
        assert await Usage(here).count("shared") == before + 1


async def test_a_lost_count_is_no_reason_to_fail() -> None:
    async with open_storage(f"redis://127.0.0.1:{free_port()}/0") as storage:
        assert (await Usage(storage).add("a"), await Usage(storage).count("a")) == (None, None)
