"""A small pool of killable, recycled Python processes for native code that touches strangers' bytes.

A crash, hang or memory blow-up in a worker fails the one call that caused it. A worker that the kernel killed (it picks
the largest process when memory runs out) may have been another's victim: its call gets a second worker.
"""

import asyncio
import signal
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import Popen
from typing import Any, TypeVar

import msgpack

import exceptions
from exceptions import Busy, PareError, ToolCrashed, ToolError, ToolFlooded, ToolKilled, ToolTimeout
from utils.subprocess_runner import CONFINED, MIB, ChildProcess, Launcher, ProcessLimits
from utils.worker import LENGTH, name_of

T = TypeVar("T")

ROOT = Path(__file__).parent.parent
WORKER_LIMITS = ProcessLimits(address_space=1536 * MIB, cpu_seconds=None)
MAX_ANSWER = 512 * MIB
CALLS_PER_WORKER = 1000
BIN32 = struct.Struct(">BI")
"""The marker and length of bytes in msgpack, however few."""


class Worker(ChildProcess):
    """One worker process; answers one call at a time."""

    def __init__(self, process: Popen[bytes]) -> None:
        super().__init__(process, max_output=MAX_ANSWER)
        self.calls = 0
        self._answer: asyncio.Future[Any] | None = None
        self.done.add_done_callback(self._died)

    def output_came(self, data: bytes) -> None:
        super().output_came(data)
        if self._answer is None or len(self.stdout) < LENGTH.size:
            return
        (length,) = LENGTH.unpack_from(self.stdout)
        if len(self.stdout) >= LENGTH.size + length and not self._answer.done():
            self._answer.set_result(memoryview(self.stdout)[LENGTH.size : LENGTH.size + length])
            self.stdout = bytearray()

    def _died(self, done: asyncio.Future[int]) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(self._cause_of_death())

    def _cause_of_death(self) -> ToolError:
        if self.flooded:
            return ToolFlooded(f"the worker process answered more than {MAX_ANSWER} bytes")
        if self.done.result() == -signal.SIGKILL:
            return ToolKilled("the worker process was killed by the system, which may be short of memory")
        return ToolCrashed("the worker process died")

    @property
    def spent(self) -> bool:
        """Whether it is dead or has answered its share of calls."""
        return self.done.done() or self.calls >= CALLS_PER_WORKER

    async def ask(self, frame: Sequence[bytes]) -> Any:
        """Send one frame, which is in pieces, and wait for the answer."""
        self.calls += 1
        self._answer = asyncio.get_running_loop().create_future()
        if self.done.done():
            raise self._cause_of_death()
        self.feed(LENGTH.pack(sum(map(len, frame))), *frame, last=False)
        try:
            return msgpack.unpackb(await self._answer)
        except ValueError as error:
            raise ToolCrashed("the worker process answered nonsense") from error
        finally:
            self._answer = None


class WorkerPool:
    """At most `size` workers, started when first needed and replaced as soon as one is spent or killed."""

    def __init__(
        self, size: int, env: Mapping[str, str], preload: Sequence[str] = (), launcher: Launcher = CONFINED
    ) -> None:
        self._argv = (sys.executable, "-m", "utils.worker", *preload)
        self._env = env
        self._launcher = launcher
        self._free = asyncio.Semaphore(size)
        self._idle: list[Worker] = []
        self._alive: set[Worker] = set()
        self._closed = False

    async def call(
        self, function: Callable[..., T], args: Sequence[Any], kwargs: Mapping[str, Any], *, timeout: float
    ) -> T:
        """Run a module-level function in a worker. Raises the PareError it raised, or ToolError."""
        frame = _frame(name_of(function), args, kwargs)
        try:
            async with self._free:
                reply = await self._ask_twice(frame, asyncio.get_running_loop().time() + timeout)
        except TimeoutError:
            raise ToolTimeout(f"{function.__name__} was ended after {timeout:.0f} s") from None
        result: T = _unwrap(reply, function.__name__)
        return result

    async def close(self) -> None:
        """End every worker."""
        self._closed = True
        await asyncio.gather(*(worker.end() for worker in self._alive))
        self._idle.clear()

    async def _ask_twice(self, frame: Sequence[bytes], deadline: float) -> Any:
        try:
            return await self._ask(frame, deadline)
        except ToolKilled:
            if self._closed:
                raise
            return await self._ask(frame, deadline)

    async def _ask(self, frame: Sequence[bytes], deadline: float) -> Any:
        worker = self._take()
        reply = None
        try:
            async with asyncio.timeout_at(deadline):
                reply = await worker.ask(frame)
        finally:
            await asyncio.shield(self._put_back(worker, answered=reply is not None))
        return reply

    def _take(self) -> Worker:
        """A living worker: one that was killed while it waited is no caller's fault."""
        while self._idle:
            worker = self._idle.pop()
            if not worker.spent:
                return worker
            self._alive.discard(worker)  # it died while nobody asked anything of it
        try:
            return self._start()
        except OSError as error:
            raise Busy(f"no process can be started: {error.strerror}") from error

    def _start(self) -> Worker:
        worker = Worker(self._launcher.start(self._argv, self._env, WORKER_LIMITS, cwd=str(ROOT)))
        self._alive.add(worker)
        return worker

    async def _put_back(self, worker: Worker, answered: bool) -> None:
        if answered and not worker.spent:
            self._idle.append(worker)
            return
        await worker.end()
        self._alive.discard(worker)
        if not self._closed and not self._idle:
            with suppress(OSError):  # the next call tries again; this one has its answer
                self._idle.append(self._start())


def _frame(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[bytes]:
    """The msgpack value `[name, args, kwargs]` in pieces: pictures are large, and what is bytes need not be copied."""
    packer = msgpack.Packer()
    pieces = [packer.pack_array_header(3), packer.pack(name), packer.pack_array_header(len(args))]
    for arg in args:
        pieces += [BIN32.pack(0xC6, len(arg)), arg] if isinstance(arg, bytes) else [packer.pack(arg)]
    return [*pieces, packer.pack(kwargs)]


def _unwrap(reply: Any, name: str) -> Any:
    match reply:
        case {"result": result}:
            return result
        case {"refused": [str(kind), str(detail), dict(extensions)]}:
            error = getattr(exceptions, kind, None)
            if isinstance(error, type) and issubclass(error, PareError):
                raise error(detail, **extensions)
        case {"failed": str(text)}:
            raise ToolCrashed(f"{name}: {text}")
    raise ToolCrashed(f"{name} answered nonsense")
