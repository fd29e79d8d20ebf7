"""Run one program from bytes to bytes: by pipes, without a shell, under limits, and ended as a whole process group.

The limits are set from outside, before the first byte that a stranger sent is written: no wrapper program, no
Python between fork and exec.
"""

import asyncio
import os
import re
import resource
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from shutil import which
from subprocess import PIPE, Popen
from typing import IO

from exceptions import ToolCrashed, ToolError, ToolFlooded, ToolMissing, ToolTimeout
from utils.sandbox import Confinement, confine

MIB = 1 << 20
STDERR_KEPT = 4096
READ_SIZE = 1 << 18
IOV_MAX = 1024
"""Of writev(2)."""
REAP_SECONDS = 5.0
REAP_FIRST, REAP_LAST = 0.0002, 0.05
"""Seconds between looks for an exit code."""
VERSION_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What one child process may use; bytes, seconds of CPU, open files."""

    address_space: int = 1024 * MIB
    cpu_seconds: int | None = 60
    file_size: int = 64 * MIB
    open_files: int = 64

    def apply(self, pid: int) -> None:
        """Set the limits on a running child; one that is already gone needs none."""
        limits = {
            resource.RLIMIT_AS: self.address_space,
            resource.RLIMIT_FSIZE: self.file_size,
            resource.RLIMIT_NOFILE: self.open_files,
            resource.RLIMIT_CORE: 0,
        }
        if self.cpu_seconds is not None:
            limits[resource.RLIMIT_CPU] = self.cpu_seconds
        with suppress(ProcessLookupError):
            for kind, value in limits.items():
                hard = resource.prlimit(pid, kind)[1]
                lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.prlimit(pid, kind, (lowered, lowered))


class Launcher:
    """Starts programs from a thread that has given up rights, so that they are born without them.

    A start costs no more by it, as it would by a wrapper program or by Python between fork and exec.
    """

    def __init__(self, confine: Callable[[], Confinement] = confine) -> None:
        self._confine = confine
        self._thread = ThreadPoolExecutor(1, "launcher", initializer=self._give_up)

    @cached_property
    def confinement(self) -> Confinement:
        """What its programs are kept from."""
        return self._thread.submit(lambda: self._given_up).result()

    def start(
        self, argv: Sequence[str], env: Mapping[str, str], limits: ProcessLimits, cwd: str | None = None
    ) -> Popen[bytes]:
        """A program in a session of its own, with pipes, a bare environment and its limits in force."""

        def begin() -> Popen[bytes]:
            return Popen(
                argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, bufsize=0, env=env, cwd=cwd, start_new_session=True
            )

        process = self._thread.submit(begin).result()
        try:
            limits.apply(process.pid)
        except OSError:
            with process:
                process.kill()
            raise
        return process

    def _give_up(self) -> None:
        self._given_up = self._confine()


CONFINED = Launcher()
"""Hides no files; its thread starts with the first program."""


class ChildProcess:
    """A program whose output is counted while it comes; `done` is its exit code, once its outputs are closed, too."""

    def __init__(self, process: Popen[bytes], max_output: int) -> None:
        assert process.stdin and process.stdout and process.stderr
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.flooded = False
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[int] = self._loop.create_future()
        self._process = process
        self._max_output = max_output
        self._input = process.stdin
        self._unsent: list[bytes | memoryview] = []
        self._last = False
        self._open = {process.stdout: self.output_came, process.stderr: self._error_came}
        for pipe in (self._input, *self._open):
            os.set_blocking(pipe.fileno(), False)
        for pipe in self._open:
            self._loop.add_reader(pipe, self._read, pipe)

    def output_came(self, data: bytes) -> None:
        """Some of its standard output; more than is allowed ends it."""
        if len(self.stdout) + len(data) > self._max_output:
            self.flooded = True
            self.kill()
        else:
            self.stdout += data

    def feed(self, *pieces: bytes, last: bool) -> None:
        """Write to the child's standard input; a child that has closed it already misses nothing it wanted."""
        if not self._input.closed:
            self._unsent, self._last = list(pieces), last
            self._loop.add_writer(self._input, self._write)

    def kill(self) -> None:
        """End the child and everything it started."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Kill and reap; who else may hold its pipes is not waited for."""
        self.kill()
        for pipe in list(self._open):
            self._close_output(pipe)
        await asyncio.wait([self.done], timeout=REAP_SECONDS)

    def _error_came(self, data: bytes) -> None:
        self.stderr += data[: STDERR_KEPT - len(self.stderr)]

    def _read(self, pipe: IO[bytes]) -> None:
        data = os.read(pipe.fileno(), READ_SIZE)
        if data:
            self._open[pipe](data)
        else:
            self._close_output(pipe)

    def _write(self) -> None:
        try:
            sent = os.writev(self._input.fileno(), self._unsent[:IOV_MAX])
        except BrokenPipeError:
            return self._close_input()
        while self._unsent and sent >= len(self._unsent[0]):
            sent -= len(self._unsent.pop(0))
        if self._unsent:
            self._unsent[0] = memoryview(self._unsent[0])[sent:]
        if not self._unsent:
            self._loop.remove_writer(self._input)
            if self._last:
                self._close_input()

    def _close_input(self) -> None:
        if not self._input.closed:
            self._loop.remove_writer(self._input)
            self._input.close()

    def _close_output(self, pipe: IO[bytes]) -> None:
        del self._open[pipe]
        self._loop.remove_reader(pipe)
        pipe.close()
        if not self._open:
            self._reap(REAP_FIRST)

    def _reap(self, pause: float) -> None:
        """Look for its exit code until there is one: most often at once, as closed outputs are how a program ends."""
        code = self._process.poll()
        if code is None:
            self._loop.call_later(pause, self._reap, min(2 * pause, REAP_LAST))
            return
        self._close_input()
        self.done.set_result(code)


class ToolRunner:
    """Finds programs on a search path and runs them one call at a time."""

    def __init__(
        self, search_path: str, limits: ProcessLimits = ProcessLimits(), launcher: Launcher = CONFINED
    ) -> None:
        self._env = {"PATH": search_path, "LANG": "C.UTF-8"}
        self._limits = limits
        self._launcher = launcher
        self._find = cache(lambda tool: which(tool, path=search_path))

    def path_of(self, tool: str) -> Path | None:
        """Where the tool is, or None."""
        found = self._find(tool)
        return Path(found) if found else None

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        timeout: float,
        max_output: int,
        declined: Collection[int] = (),
    ) -> bytes:
        """The program's standard output; empty when it exits with a code in `declined`. Raises ToolError."""
        tool = argv[0]
        child, code = await self._complete(argv, stdin, timeout, max_output)
        if child.flooded:
            raise ToolFlooded(f"{tool} wrote more than {max_output} bytes")
        if code in declined:
            return b""
        if code != 0:
            raise ToolCrashed(f"{tool} exited with {code}: {child.stderr.decode(errors='replace').strip()[:300]}")
        return bytes(child.stdout)

    async def version_of(self, tool: str) -> str | None:
        """The version that the program states of itself; spellings of the flag differ, and some say it on stderr."""
        for flag in ("--version", "-version"):
            try:
                child, code = await self._complete((tool, flag), b"", VERSION_SECONDS, STDERR_KEPT)
            except ToolError:
                return None
            found = re.search(rb"\d+\.\d+(\.\d+)*", child.stdout or child.stderr)
            if code == 0 and found:
                return found[0].decode()
        return None

    async def _complete(
        self, argv: Sequence[str], stdin: bytes, timeout: float, max_output: int
    ) -> tuple[ChildProcess, int]:
        """Run the program to its end, whatever happens to us meanwhile; with its exit code."""
        tool, *args = argv
        path = self.path_of(tool)
        if path is None:
            raise ToolMissing(f"{tool} is not installed")
        try:
            process = self._launcher.start((str(path), *args), self._env, self._limits)
        except OSError as error:
            raise ToolCrashed(f"{tool} could not be started: {error.strerror}") from error
        child = ChildProcess(process, max_output)
        child.feed(stdin, last=True)
        try:
            async with asyncio.timeout(timeout):
                return child, await asyncio.shield(child.done)
        except TimeoutError:
            raise ToolTimeout(f"{tool} was ended after {timeout:.0f} s") from None
        finally:
            if not child.done.done():
                await asyncio.shield(child.end())
