"""Services that deliver resized images from a folder: Pare, and those that are installed beside it."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.service import end, free_port, service, wait_until_ready

THUMBOR_SETTINGS = """
LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = {originals!r}
STORAGE = "thumbor.storages.no_storage"
RESULT_STORAGE = "thumbor.result_storages.file_storage"
RESULT_STORAGE_FILE_STORAGE_ROOT_PATH = {results!r}
RESULT_STORAGE_STORES_UNSAFE = True
ALLOW_UNSAFE_URL = True
"""
PROCESSES = "2"
"""Of thumbor, which works in one thread each."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One image that is asked for: `width` pixels wide, at a quality of the server's own scale."""

    name: str
    width: int
    format: str
    quality: int


@dataclass(frozen=True, slots=True)
class Server:
    """A running one."""

    url: str
    pid: int
    path: str
    """How it spells a variant."""

    def address(self, variant: Variant) -> str:
        """Where a variant is found."""
        wish = {"width": variant.width, "format": variant.format, "quality": variant.quality}
        return self.url + self.path.format(name=quote(variant.name), **wish)


@dataclass(frozen=True, slots=True)
class Kind:
    """A service that can be started; `program` is what starts it, none where it is ours."""

    name: str
    program: Path | None = None

    @contextmanager
    def started(self, originals: Path) -> Iterator[Server]:
        """One of its own with nothing cached, that ends with the block."""
        if self.program is None:
            settings = {"ORIGIN_URL": f"file://{originals}", "MAX_QUEUE_DEPTH": "64"}
            with service(None, {}, **settings) as found:
                assert found.pid is not None
                yield Server(found.url, found.pid, "/images/{name}?w={width}&format={format}&q={quality}")
            return
        with tempfile.TemporaryDirectory() as folder:
            starting = _ipx if self.name == "ipx" else _thumbor
            with starting(self.program, originals, Path(folder)) as server:
                yield server


@contextmanager
def _ipx(program: Path, originals: Path, folder: Path) -> Iterator[Server]:
    port = free_port()
    argv = [str(program), "serve", "--dir", str(originals)]
    env = {"PORT": str(port), "HOST": "127.0.0.1"}
    with _running(argv, env, port, folder) as pid:
        yield Server(f"http://127.0.0.1:{port}", pid, "/w_{width},f_{format},q_{quality}/{name}")


@contextmanager
def _thumbor(program: Path, originals: Path, folder: Path) -> Iterator[Server]:
    port, settings = free_port(), folder / "thumbor.conf"
    settings.write_text(THUMBOR_SETTINGS.format(originals=str(originals), results=str(folder / "results")))
    argv = [str(program), "-i", "127.0.0.1", "-p", str(port), "-c", str(settings), "--processes", PROCESSES]
    path = "/unsafe/{width}x0/filters:format({format}):quality({quality})/{name}"
    with _running(argv, {}, port, folder) as pid:
        yield Server(f"http://127.0.0.1:{port}", pid, path)


@contextmanager
def _running(argv: list[str], env: dict[str, str], port: int, folder: Path) -> Iterator[int]:
    log = folder / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(argv, env={**os.environ, **env}, cwd=folder, stdout=sink, stderr=sink)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/", process, log)
        yield process.pid
    finally:
        end(process)
