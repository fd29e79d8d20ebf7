"""The command line as a shell starts it."""

import os
import subprocess
import sys
from pathlib import Path

from config import ROOT


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Nothing but what a command needs; temporary files land where they can be counted."""
    (folder / "tmp").mkdir(exist_ok=True)
    return {"PATH": os.environ["PATH"], "TMPDIR": str(folder / "tmp"), "LANG": "C.UTF-8", **more}


def start(folder: Path, *args: str, **more: str) -> "subprocess.Popen[str]":
    """`pare ARGS` in a folder, as it would run on a terminal."""
    argv = [sys.executable, str(ROOT / "cli.py"), *args]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        argv, cwd=folder, env=environment(folder, **more), stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def pare(folder: Path, *args: str, **more: str) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    process = start(folder, *args, **more)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def leftovers(folder: Path) -> list[str]:
    """Temporary files, wherever a command makes some."""
    return [str(path) for path in folder.rglob("*") if path.name.startswith(("pare-", ".pare-"))]


def children(process: "subprocess.Popen[str]") -> list[int]:
    """Everything that the command has started and that still runs."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [int(pid) for path in tasks for pid in path.read_text().split()]


def runs(pid: int) -> bool:
    """Whether there is such a process, other than a dead one that nobody asked after."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
