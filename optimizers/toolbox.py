"""What a format may use: the tools and the isolated workers, under one request's deadline."""

import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from exceptions import ToolError, ToolTimeout
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

P = ParamSpec("P")
T = TypeVar("T")

OUTPUT_ALLOWANCE = 1 << 20


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One use of a tool: how long it took and, when it gave nothing, why."""

    tool: str
    seconds: float
    failure: str | None = None


class Toolbox:
    """One request's access to tools. A tool that fails is no result (None) and a line in `uses`, never an exception."""

    def __init__(self, runner: ToolRunner, workers: WorkerPool, deadline: float, tool_timeout: float) -> None:
        self._runner = runner
        self._workers = workers
        self._deadline = deadline
        self._tool_timeout = tool_timeout
        self.uses: list[ToolUse] = []
        self.last_error: ToolError | None = None

    async def run(self, tool: str, *args: str, stdin: bytes, no_result: Collection[int] = ()) -> bytes | None:
        """Run a program from bytes to bytes; an exit code in `no_result` means that it declined."""

        async def job(timeout: float) -> bytes | None:
            done = await self._runner.run(
                (tool, *args),
                stdin=stdin,
                timeout=timeout,
                max_output=len(stdin) + OUTPUT_ALLOWANCE,
                declined=no_result,
            )
            return done or None

        return await self._timed(tool, job)

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Run a module-level function in an isolated worker.

        Arguments and result are bytes, numbers, strings, lists, dicts. A PareError raised there is raised here; any
        other exception, a crash or a hang is no result.
        """

        async def job(timeout: float) -> T | None:
            return await self._workers.call(function, args, kwargs, timeout=timeout)

        return await self._timed(function.__name__, job)

    async def _timed(self, tool: str, job: Callable[[float], Awaitable[T | None]]) -> T | None:
        started = time.monotonic()
        timeout = min(self._tool_timeout, self._deadline - started)
        failure = None
        try:
            if timeout <= 0:
                raise ToolTimeout(f"no time was left for {tool}")
            return await job(timeout)
        except ToolError as error:
            failure, self.last_error = error.kind, error
            return None
        finally:
            self.uses.append(ToolUse(tool, time.monotonic() - started, failure))

    @property
    def timed_out(self) -> bool:
        """Whether any tool was ended by a time limit."""
        return any(use.failure == ToolTimeout.kind for use in self.uses)
