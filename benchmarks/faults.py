"""What breaks under a running service: disk, Redis, processes, tools; each a function that says what went wrong."""

import io
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from benchmarks.besieged import SLOT, Besieged, besieged
from benchmarks.judge import Tally, fault_of
from optimizers.router import FORMATS
from optimizers.samples import still


def noise(side: int, format: str = "PNG") -> bytes:
    """A picture that keeps tools busy: a second or two for a PNG of 700 pixels."""
    grain = np.random.default_rng(7).integers(0, 255, (side, side, 3), dtype="uint8")
    out = io.BytesIO()
    Image.fromarray(grain, "RGB").save(out, format)
    return out.getvalue()


def sent(service: Besieged, tally: Tally, data: bytes, what: str, *allowed: int, **options: str) -> httpx.Response:
    """The answer to one picture, noted; with `allowed`, any other status is wrong."""
    with service.client() as http:
        answer = http.post("/optimize", content=data, params=options)
    fault = fault_of(answer)
    if not fault and allowed and answer.status_code not in allowed:
        fault = f"answered {answer.status_code}: {answer.text[:200]}"
    tally.note(what, fault)
    return answer


def disk_full(folder: Path) -> Tally:
    """Not a byte and not a file more for data and temporary files; then room again."""
    tally = Tally("disk full")
    disk = folder / "disk"
    disk.mkdir()
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    temporary = disk / "tmp"
    mount = f'mount -t tmpfs -o size=256k,nr_inodes=64 pare {disk} && mkdir {temporary} && exec "$@"'
    prefix = ["unshare", *as_root, "--mount", "sh", "-c", mount, "sh"]
    with besieged(folder, prefix=prefix, DATA_DIR=f"{disk}/data", TMPDIR=str(temporary)) as service:
        inside = Path(f"/proc/{service.process.pid}/root{disk}")
        ballast = fill(inside)
        for optimizer in FORMATS:
            sent(service, tally, optimizer.sample(), optimizer.spec.name, 200)
        for path in ballast:
            path.unlink()
        sent(service, tally, still("PNG"), "room again", 200)
        tally.note(
            "aftermath",
            *service.aftermath(),
            *(p.name for p in (inside / "tmp").rglob("*") if p.is_file() and p.suffix != SLOT),
        )
    return tally


def fill(folder: Path) -> list[Path]:
    """Files that leave neither room nor names on the disk of a folder."""
    made = [folder / "ballast"]
    with suppress(OSError), made[0].open("wb", buffering=0) as ballast:
        while ballast.write(bytes(4096)):
            pass
    with suppress(OSError):
        for number in range(10_000):
            path = folder / f"ballast-{number}"
            path.touch()
            made.append(path)
    return made


def tools_killed(folder: Path) -> Tally:
    """Every tool dies by SIGKILL as soon as it is seen at work: the picture comes back all the same."""
    return _killed(folder, "tools killed", lambda service: list(service.tools()), 200)


def workers_killed(folder: Path) -> Tally:
    """The isolated Python workers die in the middle of their work: one picture may, the service does not."""
    return _killed(folder, "workers killed", Besieged.worker_pids, 200, 422, 503)


def _killed(folder: Path, area: str, victims: Callable[[Besieged], list[int]], *allowed: int) -> Tally:
    tally = Tally(area)
    with besieged(folder) as service:
        with hunted(lambda: victims(service)) as killed:
            for optimizer in FORMATS:
                sent(service, tally, optimizer.sample(), optimizer.spec.name, *allowed)
            sent(service, tally, noise(300), "noise", *allowed)
        tally.note("victims", "" if killed else "nothing was killed")
        sent(service, tally, still("PNG"), "afterwards", 200)
        tally.note("aftermath", *service.aftermath())
    return tally


@contextmanager
def hunted(victims: Callable[[], list[int]]) -> Iterator[list[int]]:
    """Kill whatever `victims` finds, by its id, while the block runs; those killed."""
    killed: list[int] = []
    over = threading.Event()

    def hunt() -> None:
        while not over.wait(0.02):
            for pid in victims():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        yield killed
    finally:
        over.set()
        hunter.join()
