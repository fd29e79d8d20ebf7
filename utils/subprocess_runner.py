"""Run one program from bytes to bytes: by pipes, without a shell, under limits, and ended as a whole process group.

The limits are set from outside, before the first byte that a stranger sent is written: no wrapper program, no
Python between fork and exec.
"""

import asyncio
import os
import re
import resource
import signal
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import which
from typing import cast

from exceptions import ToolCrashed, ToolError, ToolFlooded, ToolMissing, ToolTimeout

MIB = 1 << 20
STDERR_KEPT = 4096
REAP_SECONDS = 5.0
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


class ChildProcess(asyncio.SubprocessProtocol):
    """A child whose output is counted while it comes; `done` resolves when it has exited and its pipes are closed."""

    def __init__(self, max_output: int) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.flooded = False
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._max_output = max_output

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self.stderr += data[: STDERR_KEPT - len(self.stderr)]
        elif len(self.stdout) + len(data) > self._max_output:
            self.flooded = True
            self.kill()
        else:
            self.stdout += data

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(self.transport.get_returncode() or 0)
        self.transport.close()

    def feed(self, data: bytes, *, last: bool) -> None:
        """Write to the child's standard input; a child that has closed it already misses nothing it wanted."""
        pipe = cast(asyncio.WriteTransport, self.transport.get_pipe_transport(0))
        if pipe.is_closing():
            return
        pipe.write(data)
        if last:
            pipe.close()

    def kill(self) -> None:
        """End the child and everything it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.transport.get_pid(), signal.SIGKILL)

    async def end(self) -> None:
        """Kill, close the pipes and reap; a pipe that is full and paused would otherwise keep `done` waiting."""
        self.kill()
        self.transport.close()
        await asyncio.wait([self.done], timeout=REAP_SECONDS)


async def start(
    argv: Sequence[str], env: Mapping[str, str], limits: ProcessLimits, protocol: ChildProcess, cwd: str | None = None
) -> None:
    """Start a program in a session of its own, with pipes, a bare environment and its limits in force."""
    loop = asyncio.get_running_loop()
    await loop.subprocess_exec(lambda: protocol, *argv, env=dict(env), start_new_session=True, cwd=cwd)
    limits.apply(protocol.transport.get_pid())


class ToolRunner:
    """Finds programs on a search path and runs them one call at a time."""

    def __init__(self, search_path: str, limits: ProcessLimits = ProcessLimits()) -> None:
        self._env = {"PATH": search_path, "LANG": "C.UTF-8"}
        self._limits = limits
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
        child = ChildProcess(max_output)
        code = await self._complete(argv, stdin, timeout, child)
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
            child = ChildProcess(STDERR_KEPT)
            try:
                code = await self._complete((tool, flag), b"", VERSION_SECONDS, child)
            except ToolError:
                return None
            found = re.search(rb"\d+\.\d+(\.\d+)*", child.stdout or child.stderr)
            if code == 0 and found:
                return found[0].decode()
        return None

    async def _complete(self, argv: Sequence[str], stdin: bytes, timeout: float, child: ChildProcess) -> int:
        """Run the program to its end, whatever happens to us meanwhile; its exit code."""
        tool, *args = argv
        path = self.path_of(tool)
        if path is None:
            raise ToolMissing(f"{tool} is not installed")
        try:
            async with asyncio.timeout(timeout):
                await start((str(path), *args), self._env, self._limits, child)
                child.feed(stdin, last=True)
                return await asyncio.shield(child.done)
        except TimeoutError:
            raise ToolTimeout(f"{tool} was ended after {timeout:.0f} s") from None
        except OSError as error:
            raise ToolCrashed(f"{tool} could not be started: {error.strerror}") from error
        finally:
            if hasattr(child, "transport") and not child.done.done():
                await asyncio.shield(child.end())
