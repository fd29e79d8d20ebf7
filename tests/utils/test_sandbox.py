"""What tools and workers cannot do: exactly what is reported, and everything else still works."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from config import Settings
from machinery import hidden_places, worker_environment
from tests.utils.test_worker_pool import call
from utils import sandbox
from utils.sandbox import Confinement, confine
from utils.subprocess_runner import CONFINED, MIB, Launcher, ToolRunner
from utils.worker_pool import ROOT, WorkerPool

TRIES = {
    "socket": "import socket; socket.socket().close()",
    "unix socket": "import socket; socket.socket(socket.AF_UNIX).close()",
    "io_uring": "import ctypes, os; c = ctypes.CDLL(None, use_errno=True); b = ctypes.create_string_buffer(120)\n"
    "if c.syscall(425, 1, b) < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))",
    "new file": "open({folder!r} + '/new', 'w').close()",
    "old file": "open({folder!r} + '/old', 'r+').close()",
    "removal": "import os; os.remove({folder!r} + '/old')",
    "truncation": "import os; os.truncate({folder!r} + '/old', 0)",
    "link": "import os; os.symlink('/', {folder!r} + '/link')",
    "folder": "import os; os.mkdir({folder!r} + '/folder')",
    "folder's removal": "import os; os.rmdir({folder!r} + '/empty')",
}
NETWORK = {"socket", "unix socket", "io_uring"}
SINCE = {"truncation": 3}
"""The version of Landlock that can forbid it, where it is not the first."""


def attempt(code: str) -> str:
    """What comes of it, in a word."""
    try:
        exec(code)
    except PermissionError:
        return "denied"
    return "done"


def expected(what: str) -> str:
    here = CONFINED.confinement
    denied = here.no_network if what in NETWORK else here.landlock >= SINCE.get(what, 1)
    return "denied" if denied else "done"


def code_of(what: str, folder: Path) -> str:
    (folder / "old").write_text("old")
    (folder / "empty").mkdir(exist_ok=True)
    return TRIES[what].format(folder=str(folder))


async def test_a_worker_is_kept_from_what_is_reported(workers: WorkerPool, tmp_path: Path) -> None:
    seen = {what: await call(workers, attempt, code_of(what, tmp_path)) for what in TRIES}
    assert seen == {what: expected(what) for what in TRIES}


@pytest.mark.parametrize("what", TRIES)
async def test_a_tool_is_kept_from_what_is_reported(tmp_path: Path, what: str) -> None:
    code = f"try:\n exec({code_of(what, tmp_path)!r})\nexcept PermissionError: print('denied')\nelse: print('done')"
    runner = ToolRunner(os.environ["PATH"])
    seen = await runner.run((sys.executable, "-c", code), timeout=20, max_output=MIB)
    assert seen.decode().strip() == expected(what)


@pytest.mark.parametrize("kernel", ["", "no-landlock"])
def test_a_tool_cannot_look_into_the_process_that_started_it(kernel: str) -> None:
    # Root may look everywhere, so its rights go first: the image runs without any.
    command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    command += [sys.executable, "-m", "tests.utils.prisoner", kernel]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "API_KEY": "secret"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["seen"] == ""
    assert not (kernel and report["landlock"])


async def test_a_worker_cannot_signal_who_started_it(workers: WorkerPool) -> None:
    code = f"import os; os.kill({os.getpid()}, 0)"
    assert await call(workers, attempt, code) == ("denied" if CONFINED.confinement.landlock >= 6 else "done")


async def test_what_is_hidden_cannot_be_read(tmp_path: Path) -> None:
    for name in ("hidden/deep/file", "seen/file", "hidden.not/file"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "seen" / "link").symlink_to("../hidden/deep/file")
    (tmp_path / "folder").symlink_to("hidden")
    launcher = Launcher(partial(confine, [tmp_path / "hidden", tmp_path / "never", Path("/no/such/place")]))
    runner = ToolRunner(os.environ["PATH"], launcher=launcher)
    names = ["seen/file", "hidden.not/file", "hidden/deep/file", "seen/link", "folder/deep/file"]
    seen = [await runner.run(("cat", str(tmp_path / name)), timeout=20, max_output=MIB, declined=[1]) for name in names]
    secret = b"" if launcher.confinement.landlock else b"hidden/deep/file"
    assert seen == [b"seen/file", b"hidden.not/file", secret, secret, secret]


def test_a_folder_that_cannot_be_listed_is_passed_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "locked" / "home" / "data").mkdir(parents=True)
    (tmp_path / "locked" / "home" / "venv").mkdir()
    listed = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path.name == "locked":
            raise PermissionError
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    around = set(sandbox._around([tmp_path / "locked" / "home" / "data"], tmp_path))
    assert around == {tmp_path / "locked" / "home" / "venv"}


def test_a_service_hides_what_it_stores_and_its_secrets(tmp_path: Path) -> None:
    hidden = hidden_places(Settings(data_dir=tmp_path))
    assert {tmp_path, ROOT / ".env", Path("/run/secrets"), Path.home() / ".aws"} <= set(hidden)


@pytest.mark.parametrize("folder", [ROOT, ROOT.parent, Path("/")])
def test_a_service_does_not_hide_its_own_programs(folder: Path) -> None:
    assert folder not in hidden_places(Settings(data_dir=folder))


async def test_reading_and_throwing_away_still_work(workers: WorkerPool) -> None:
    code = f"with open({__file__!r}) as a, open('/dev/null', 'w') as b: b.write(a.read(1))"
    assert await call(workers, attempt, code) == "done"


def decode_large() -> list[int]:
    import pyvips

    packed = pyvips.Image.black(6000, 6000, bands=3).write_to_buffer(".png")
    turned = pyvips.Image.new_from_buffer(packed, "").rot90()
    return [turned.width, int(turned.max())]


async def test_a_library_that_spills_large_pictures_to_files_keeps_them_in_memory() -> None:
    pool = WorkerPool(1, worker_environment(Settings()))
    try:
        assert await call(pool, decode_large) == [6000, 0]
    finally:
        await pool.close()


def test_who_starts_programs_keeps_every_right(tmp_path: Path) -> None:
    assert CONFINED.confinement
    assert {what: attempt(code_of(what, tmp_path)) for what in ("socket", "new file", "folder")} == dict.fromkeys(
        ("socket", "new file", "folder"), "done"
    )


def in_a_thread(function: Callable[[], Confinement]) -> Confinement:
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(function).result()


def test_a_kernel_that_knows_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = SimpleNamespace(syscall=lambda *_: -1, prctl=lambda *_: -1)
    monkeypatch.setattr(sandbox, "libc", unknown)
    assert in_a_thread(confine) == Confinement(landlock=0, no_network=False)


def test_a_machine_whose_numbers_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert not in_a_thread(confine).no_network
