"""Connections to Redis, on which nobody waits long."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis.asyncio import BlockingConnectionPool


@asynccontextmanager
async def open_pool(url: str, seconds: float) -> AsyncIterator["BlockingConnectionPool"]:
    """A pool in which connecting, waiting for a connection and each read may take so many seconds; nothing is tried
    again."""
    from redis.asyncio import BlockingConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=20,
        timeout=seconds,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        yield pool
    finally:
        await pool.aclose()
