"""Tools end when they should, and leave nothing behind."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from exceptions import ToolCrashed, ToolFlooded, ToolMissing, ToolTimeout
from utils.sandbox import Confinement
from utils.subprocess_runner import MIB, Launcher, ProcessLimits, ToolRunner

PATH = os.environ["PATH"]


def python(code: str) -> tuple[str, str, str]:
    return (sys.executable, "-c", code)


@pytest.fixture
def runner() -> ToolRunner:
    return ToolRunner(PATH)


@pytest.fixture
def free() -> ToolRunner:
    """Its tools may write files, which is how those here tell their process ids."""
    return ToolRunner(PATH, launcher=Launcher(lambda: Confinement(landlock=0, no_network=False)))


async def run(runner: ToolRunner, code: str, *, stdin: bytes = b"", timeout: float = 20, declined=()) -> bytes:
    return await runner.run(python(code), stdin=stdin, timeout=timeout, max_output=2 * MIB, declined=declined)


async def test_bytes_in_bytes_out(runner: ToolRunner) -> None:
    data = os.urandom(MIB)
    assert await run(runner, "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())", stdin=data) == data


async def test_exit_codes(runner: ToolRunner) -> None:
    assert await run(runner, "raise SystemExit(98)", declined={98, 99}) == b""
    with pytest.raises(ToolCrashed, match="exited with 3: sorry"):
        await run(runner, "import sys; print('sorry', file=sys.stderr); sys.exit(3)")


async def test_missing(runner: ToolRunner) -> None:
    with pytest.raises(ToolMissing):
        await runner.run(("no-such-tool",), timeout=1, max_output=1)


async def test_a_tool_that_does_not_read_is_no_error(runner: ToolRunner) -> None:
    assert await run(runner, "print('done')", stdin=bytes(4 * MIB)) == b"done\n"


async def test_a_flood_is_ended(runner: ToolRunner) -> None:
    with pytest.raises(ToolFlooded):
        await run(runner, "import sys\nwhile True: sys.stdout.write('x' * 65536)")


async def test_a_hang_is_ended_with_everything_it_started(free: ToolRunner, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import subprocess, sys, time, signal\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(600)"
    )
    with pytest.raises(ToolTimeout):
        await run(free, code, timeout=1.5)
    await gone(int(pid_file.read_text()))


async def test_cancelling_ends_the_tool(free: ToolRunner, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    task = asyncio.create_task(run(free, code))
    while not (pid_file.exists() and pid_file.read_text()):  # noqa: ASYNC110 - the file is another process's
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(int(pid_file.read_text()))


async def test_memory_is_limited() -> None:
    small = ToolRunner(PATH, ProcessLimits(address_space=256 * MIB))
    with pytest.raises(ToolCrashed, match="MemoryError"):
        await run(small, "import sys; sys.stdin.read(1); bytearray(512 << 20)", stdin=b"x")


async def test_nothing_runs_without_its_limits() -> None:
    pids = []

    class Refused(ProcessLimits):
        def apply(self, pid: int) -> None:
            pids.append(pid)
            raise PermissionError(1, "not here")

    with pytest.raises(ToolCrashed, match="could not be started: not here"):
        await ToolRunner(PATH, Refused()).run(("sleep", "600"), timeout=20, max_output=1)
    assert not Path(f"/proc/{pids[0]}").exists()


async def test_the_environment_is_bare(runner: ToolRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "secret")
    seen = await run(runner, "import os; print(*sorted(set(os.environ) - {'LC_CTYPE'}))")
    assert seen.split() == [b"LANG", b"PATH"]


async def gone(pid: int) -> None:
    """Wait until a process is no more, or only waits for its parent to notice."""
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{pid} still runs")
