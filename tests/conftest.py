"""Fixtures that every room shares: real tools, real isolated workers."""

import os
import time
from collections.abc import AsyncIterator

import pytest

from optimizers.toolbox import Toolbox
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import ROOT, WorkerPool

SEARCH_PATH = f"{os.environ['PATH']}:{ROOT / '.tools' / 'bin'}"


@pytest.fixture
async def tools() -> AsyncIterator[Toolbox]:
    """A toolbox with a minute to spend."""
    pool = WorkerPool(1, {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"})
    yield Toolbox(ToolRunner(SEARCH_PATH), pool, deadline=time.monotonic() + 60, tool_timeout=60)
    await pool.close()
