"""python -m benchmarks library: uploads accepted a second, jobs done a second with 1, 2 and 4 workers, seconds to done.

`--chaos 1000` uploads as many mixed pictures while a worker is killed every ten seconds, and then counts: every job has
to have one end, and every picture to be there once. `--simulate` goes on from measured times to a million images.
"""

import argparse
import asyncio
import io
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles

import numpy as np
from PIL import Image, PngImagePlugin
from sqlalchemy import select

from benchmarks import scale
from benchmarks.table import markdown, number
from benchmarks.workplace import Workplace, opened
from library.database import Database
from library.tables import Job, Removal, StoredRendition, UploadEvent

SIDES = (120, 240, 480)
KINDS = ("JPEG", "PNG", "WEBP")
KILL_SECONDS = 10.0
SENDERS = 8
PATIENCE_SECONDS = 1800.0


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 1 where a job was lost or done twice."""
    wish = _arguments(argv)
    given = {"DATABASE_URL": wish.database, "REDIS_URL": wish.redis, "IMAGE_SIZES": wish.sizes}
    settings = {name: value for name, value in given.items() if value}
    if wish.simulate:
        return scale.main(wish.simulate, wish.seed)
    if wish.chaos:
        return chaos(settings, wish.chaos, wish.seed)
    rows = [rate(settings, workers, wish.images, wish.seed) for workers in wish.workers]
    head = [
        "workers",
        "accepted/s",
        "upload p95 ms",
        "jobs/s",
        "s to done, median",
        "p95",
        "status read p95 ms",
        "s of work, median,p95",
    ]
    print(markdown(head, rows))
    return 0


def rate(settings: dict[str, str], workers: int, images: int, seed: int) -> list[str]:
    """One row: so many workers of one slot each, from the first upload to the last end."""
    with opened(settings) as place:
        for _ in range(workers):
            place.hire()
        place.wait_for_workers()
        started = time.perf_counter()
        jobs, uploads = sent(place, pictures(images, seed))
        accepted = time.perf_counter() - started
        reads = watched(place, jobs)
        took = time.perf_counter() - started
        done, worked = asyncio.run(ages(place.database))
    return [
        str(workers),
        number(images / accepted),
        number(p95(uploads) * 1000, 0),
        number(images / took, 2),
        number(median(done)),
        number(p95(done)),
        number(p95(reads) * 1000, 0),
        f"{median(worked):.2f},{p95(worked):.2f}",
    ]


def chaos(settings: dict[str, str], images: int, seed: int) -> int:
    """1 unless every job has one end, every whole image all its pictures, and nothing else is left."""
    with opened(settings) as place:
        place.hire()
        place.hire()
        place.wait_for_workers()
        over, kills = threading.Event(), []
        killer = threading.Thread(target=killing, args=(place, over, kills))
        killer.start()
        started = time.perf_counter()
        jobs, _ = sent(place, pictures(images, seed, broken=True))
        watched(place, jobs)
        took = time.perf_counter() - started
        over.set()
        killer.join()
        lost, twice, ends, strays = asyncio.run(counted(place, jobs))
    print(f"{images} uploads in {took:.0f} s, {len(kills)} workers killed: {dict(ends)}")
    print(f"lost: {lost}; done twice: {twice}; objects without a row: {strays}")
    return int(bool(lost or twice or strays))


def killing(place: Workplace, over: threading.Event, kills: list[float]) -> None:
    """Kill a worker now and then."""
    while not over.wait(KILL_SECONDS):
        place.kill_one()
        kills.append(time.monotonic())


def sent(place: Workplace, files: Sequence[bytes]) -> tuple[list[str], list[float]]:
    """Upload all of them from several senders; their jobs, and the seconds that each upload took."""
    with place.client() as client:

        def one(data: bytes) -> tuple[str, float]:
            started = time.perf_counter()
            answer = client.post("/images/upload", files={"file": ("photo", data)}, data={"bucket": "bench"})
            answer.raise_for_status()
            return answer.json()["job_id"], time.perf_counter() - started

        with ThreadPoolExecutor(SENDERS) as senders:
            found = list(senders.map(one, files))
    return [job for job, _ in found], [seconds for _, seconds in found]


def watched(place: Workplace, jobs: Sequence[str]) -> list[float]:
    """Ask for one status after another until all jobs are over; the seconds that each question took."""
    reads, left = [], list(jobs)
    deadline = time.monotonic() + PATIENCE_SECONDS
    with place.client() as client:
        while left and time.monotonic() < deadline:
            started = time.perf_counter()
            answer = client.get(f"/images/jobs/{left[0]}")
            reads.append(time.perf_counter() - started)
            if answer.json()["status"] in ("completed", "failed"):
                left.pop(0)
            else:
                time.sleep(0.05)
    return reads


async def ages(url: str) -> tuple[list[float], list[float]]:
    """Seconds from each upload to its end, and those of them that it was worked on."""
    database = Database(url)
    async with database.reading() as session:
        jobs = (await session.scalars(select(Job))).all()
    await database.close()
    over = [(job.completed_at - job.created_at).total_seconds() for job in jobs if job.completed_at]
    return over, [job.seconds for job in jobs if job.seconds is not None]


async def counted(place: Workplace, jobs: Sequence[str]) -> tuple[int, int, Counter[str], int]:
    """Jobs without an end, jobs with several, ends by their kind, and objects that no row names or removes."""
    database = Database(place.database)
    async with database.reading() as session:
        rows = {job.job_id: job.status for job in (await session.scalars(select(Job))).all()}
        events = (await session.scalars(select(UploadEvent))).all()
        keys = set((await session.scalars(select(StoredRendition.object_key))).all())
        going = set((await session.scalars(select(Removal.object_key))).all())
    await database.close()
    ends = Counter(event.job_id for event in events if event.event in ("completed", "failed"))
    folder = place.folder / "objects" / "pare" / "bench"
    objects = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and ".pare" not in p.parts}
    lost = sum(rows.get(job) not in ("completed", "failed") for job in jobs) + len(keys - objects)
    twice = sum(count > 1 for count in ends.values())
    return lost, twice, Counter(rows[job] for job in jobs if job in rows), len(objects - keys - going)


def pictures(count: int, seed: int, *, broken: bool = False) -> list[bytes]:
    """Files of several formats and sizes, all different; with `broken`, every fiftieth has nonsense for pixels."""
    made = [_marked(index, seed) for index in range(count)]
    if broken:
        for index in range(0, count, 50):
            made[index] = _hollow(index)
    return made


def _marked(index: int, seed: int) -> bytes:
    """One of a few scenes, told from all others by a few pixels."""
    side, kind = SIDES[index % len(SIDES)], KINDS[index // len(SIDES) % len(KINDS)]
    y, x = np.mgrid[0:side, 0:side] / side
    waves = [np.sin((5 + index % 7) * x + k + seed) + np.cos((3 + index % 5) * y * (k + 1)) for k in range(3)]
    scene = (np.stack(waves, axis=-1) * 60 + 127).clip(0, 255).astype("uint8")
    scene[:8, :64] = (np.frombuffer(f"{seed:32}{index:32}".encode(), "uint8") & 15)[None, :, None] * 16
    out = io.BytesIO()
    Image.fromarray(scene).save(out, kind, quality=90)
    return out.getvalue()


def _hollow(index: int) -> bytes:
    """A PNG whose header is right."""
    text = PngImagePlugin.PngInfo()
    text.add_text("index", str(index))
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG", pnginfo=text)
    data = out.getvalue()
    start = data.index(b"IDAT")
    length = int.from_bytes(data[start - 4 : start], "big")
    body = b"IDAT" + bytes(length)
    return data[:start] + body + zlib.crc32(body).to_bytes(4, "big") + data[start + 8 + length :]


def p95(values: Sequence[float]) -> float:
    """The ninety-fifth percentile."""
    return quantiles(values, n=20)[-1] if len(values) > 1 else values[0]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks library", description=__doc__)
    parser.add_argument("--images", type=int, default=120, help="uploads of one measurement")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--chaos", type=int, default=0, metavar="N", help="that many uploads while workers are killed")
    parser.add_argument("--simulate", default="", metavar="SECONDS", help="median,p95 of one image's service time")
    parser.add_argument("--sizes", default="", help="IMAGE_SIZES, where the default's four variants are too much")
    parser.add_argument("--database", default="", help="PostgreSQL's URL; else SQLite in a temporary folder")
    parser.add_argument("--redis", default="", help="Redis' URL; else the queue is in that folder")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
