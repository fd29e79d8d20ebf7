"""What the formats ask of their toolbox while they optimize: the bare work behind an answer.

Cleaning, decoding for proof, limits, isolation and HTTP are the service's own and not part of it.
"""

import time
from collections.abc import Callable, Collection
from typing import ParamSpec, TypeVar

from benchmarks.replay import Call, Program, Recording
from config import Settings
from exceptions import PareError
from machinery import WORKER_PRELOAD, worker_environment
from optimizers.policy import Policy
from optimizers.router import detect
from optimizers.toolbox import Toolbox
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

P = ParamSpec("P")
T = TypeVar("T")

LONG = 600.0


class RecordingToolbox(Toolbox):
    """A toolbox that remembers what it was asked for."""

    recording: Recording

    async def run(self, tool: str, *args: str, stdin: bytes, no_result: Collection[int] = ()) -> bytes | None:
        """Run a program, and remember it."""
        self.recording.append(Program((tool, *args), stdin, no_result))
        return await super().run(tool, *args, stdin=stdin, no_result=no_result)

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Call an isolated function, and remember it."""
        self.recording.append(Call(function, args, kwargs))
        return await super().call(function, *args, **kwargs)


class Recorder:
    """Runs pictures through their formats with real tools, without an engine."""

    def __init__(self, policy: Policy, settings: Settings) -> None:
        self._policy = policy
        self._runner = ToolRunner(settings.search_path)
        self._workers = WorkerPool(1, worker_environment(settings), WORKER_PRELOAD)

    async def record(self, data: bytes) -> Recording:
        """What the picture's format asks for; nothing where the picture is refused."""
        tools = RecordingToolbox(self._runner, self._workers, time.monotonic() + LONG, LONG)
        tools.recording = []
        try:
            optimizer = detect(data)
            info = optimizer.inspect(data)
            cleaned = await optimizer.clean(data, self._policy.metadata, tools)
            tools.recording = []
            if cleaned is not None:
                async for _ in optimizer.optimize(cleaned.data, info, self._policy, tools):
                    pass
        except PareError:
            return []
        return tools.recording

    async def close(self) -> None:
        """End the isolated workers."""
        await self._workers.close()
