"""What a process and everything it started have used, read from /proc (Linux)."""

import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
SAMPLE_SECONDS = 0.1


def tree(root: int) -> Iterator[int]:
    """The process and all its descendants, whatever sessions they are in."""
    children: dict[int, list[int]] = {}
    for pid in (int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()):
        if stat := _stat(pid):
            children.setdefault(int(stat[1]), []).append(pid)
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, [])


def cpu_seconds(root: int) -> float:
    """User and system time of the living of the tree, and of all those they have already buried."""
    used = [_stat(pid)[11:15] for pid in tree(root)]
    return sum(int(ticks) for four in used for ticks in four) / TICKS


def own_cpu_seconds() -> float:
    """The same of this process and its children, to the microsecond where those above are counted in ticks."""
    living = 0.0
    for task in (PROC / "self" / "task").iterdir():
        for pid in map(int, (task / "children").read_text().split()):
            with suppress(OSError):  # gone meanwhile, and counted below
                living += time.clock_gettime(_clock_of(pid))
    buried = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + living + buried.ru_utime + buried.ru_stime


def memory_mb(root: int) -> float:
    """Resident memory of the tree in MB, shared pages shared out (PSS)."""
    return sum(map(_pss_kb, tree(root))) * 1024 / 1e6


def _clock_of(pid: int) -> int:
    """What clock_getcpuclockid(3) gives: all threads of the process, ended ones too."""
    return (~pid << 3) | 2


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the state on (proc(5)); empty when the process is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []


def _pss_kb(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


class MemoryWatch:
    """Samples a tree's memory while the block runs; `peak_mb` is the most seen at once."""

    def __init__(self, root: int) -> None:
        self.peak_mb = 0.0
        self._root = root
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        over = False
        while not over:
            self.peak_mb = max(self.peak_mb, memory_mb(self._root))
            over = self._over.wait(SAMPLE_SECONDS)

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
