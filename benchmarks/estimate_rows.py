"""What estimates are fitted on: pictures of a folder, their variants, and what the engine really leaves of each."""

import asyncio
import csv
import gzip
import io
import json
import tempfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.files import samples
from benchmarks.programs import run
from config import load_settings
from exceptions import PareError
from machinery import WORKER_PRELOAD, worker_environment
from optimizers.base import Source, Target
from optimizers.engine import Engine
from optimizers.look import opened
from optimizers.policy import Policy
from optimizers.router import CHOICE, FORMATS, detect
from optimizers.toolbox import Toolbox
from security.file_validation import ImageLimits
from utils.concurrency import Slots
from utils.subprocess_runner import ToolRunner
from utils.worker_pool import WorkerPool

LARGEST_VARIANT = 400_000
"""Pixels; many small pictures tell more than a few large ones."""
LARGEST_CONVERSION = 1_300_000
OTHER_QUALITIES = (50, 65, 90)
VARIANTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("JPEG", {"quality": 60}),
    ("JPEG", {"quality": 75, "progressive": True}),
    ("JPEG", {"quality": 88, "subsampling": 0}),
    ("JPEG", {"quality": 95, "optimize": True}),
    ("JPEG", {"quality": 99, "subsampling": 0}),
    ("JPEG", {"quality": 97}),
    ("WEBP", {"quality": 75}),
    ("WEBP", {"quality": 92}),
    ("WEBP", {"lossless": True}),
    ("PNG", {}),
    ("GIF", {}),
    ("TIFF", {"compression": "raw"}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("BMP", {}),
)
FILMS = (("--unoptimize",), ("-O3", "--lossy=30"), ("--unoptimize", "#0-5"))
"""What gifsicle makes of a film: whole frames, the least that differs, a short one."""
CONVERTED = 3
"""Of so many variants one is converted."""


@dataclass(frozen=True, slots=True)
class Row:
    """One picture under one wish; `left` is the size of the answer in bytes."""

    file: str
    picture: str
    """What the file was made from: rows of one picture never test what others of it taught."""
    source: str
    own: bool
    """Whether it is a file of the folder itself."""
    quality: int
    target: str
    """The format that was asked for; empty for the picture's own."""
    size: int
    left: int


@dataclass(frozen=True, slots=True)
class Case:
    """One file to be run."""

    name: str
    picture: str
    source: str
    own: bool
    data: bytes


def collect(folder: Path, out: Path) -> list[Row]:
    """Run the engine over everything; files and rows are kept in `out`, for fitting again without it."""
    out.mkdir(parents=True, exist_ok=True)
    rows = asyncio.run(_collect(folder, out))
    (out / "rows.json").write_text(json.dumps([asdict(row) for row in rows]))
    return rows


def load(out: Path) -> list[Row]:
    """The rows that `collect` left."""
    return [Row(**row) for row in json.loads((out / "rows.json").read_text())]


@asynccontextmanager
async def tools_for() -> AsyncIterator[Callable[[], Toolbox]]:
    """A maker of toolboxes, each with its own time."""
    async with _engine() as engine:
        yield engine.toolbox


async def _collect(folder: Path, out: Path) -> list[Row]:
    async with _engine() as engine:
        return [row for case in _cases(folder) for row in await _rows(engine, case, out)]


@asynccontextmanager
async def _engine() -> AsyncIterator[Engine]:
    settings = load_settings()
    workers = WorkerPool(1, worker_environment(settings), WORKER_PRELOAD)
    limits = ImageLimits(settings.max_pixels, settings.max_total_pixels, settings.max_frames)
    with tempfile.TemporaryDirectory() as scratch:
        slots = Slots(Path(scratch), 1, 1)
        try:
            yield Engine(ToolRunner(settings.search_path), workers, slots, limits, settings.tool_timeout_seconds)
        finally:
            await workers.close()


def _cases(folder: Path) -> Iterator[Case]:
    sources = _sources(folder)
    for sample in samples(folder):
        source = sources.get(sample.name, sample.name)
        yield Case(sample.name, sample.name, source, True, sample.data)
        for number, data in enumerate(_variants(sample.data, sample.name)):
            yield Case(f"{sample.name}.{number}", sample.name, source, False, data)


def _sources(folder: Path) -> dict[str, str]:
    """Where each file came from, as the folder's MANIFEST.csv has it: the repository."""
    manifest = folder / "MANIFEST.csv"
    if not manifest.exists():
        return {}
    with manifest.open() as lines:
        return {row["file"]: row["source"].partition(":")[0] for row in csv.DictReader(lines)}


def _variants(data: bytes, name: str) -> Iterator[bytes]:
    """The picture written anew in other ways, made smaller first so that old losses do not count."""
    optimizer = detect(data)
    info = optimizer.inspect(data)
    if data.startswith(b"GIF8") and info.frames > 1 and info.width * info.height < LARGEST_VARIANT:
        yield from (made for options in FILMS if (made := run("gifsicle", "--no-warnings", *options, stdin=data)))
    if data.lstrip().startswith(b"<"):
        yield gzip.compress(data, mtime=0)
    if optimizer.spec.decoder is None or info.frames > 1 or info.bit_depth > 8:
        return
    with opened(data, optimizer.spec.decoder) as image:
        plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    lossy = info.source_quality is not None
    scale = min((LARGEST_VARIANT / (plain.width * plain.height)) ** 0.5, 0.5 if lossy else 1.0)
    if min(plain.size) * scale < 16:
        return
    small = plain.resize((round(plain.width * scale), round(plain.height * scale)), 3) if scale < 1 else plain
    # Every other one: enough of each kind, over all the pictures.
    start = zlib.crc32(name.encode()) % 2
    for encoder, options in VARIANTS[start::2]:
        shown = small.convert("RGB") if encoder in ("JPEG", "BMP") else small
        out = io.BytesIO()
        shown.save(out, encoder, **options)
        yield out.getvalue()


async def _rows(engine: Engine, case: Case, out: Path) -> list[Row]:
    """At the default and at another quality; a file of the folder also as it comes out, and in other formats."""
    other = OTHER_QUALITIES[zlib.crc32(case.name.encode()) % len(OTHER_QUALITIES)]
    rows = []
    for quality in (Policy().quality, other) if case.own else (Policy().quality,):
        made = await _run(engine, case, Policy(quality=quality), out, rows)
        if case.own and made and quality == Policy().quality:
            again = Case(f"{case.name}.made", case.picture, case.source, False, made)
            await _run(engine, again, Policy(), out, rows)
    info = detect(case.data).inspect(case.data)
    if detect(case.data).spec.decoder and info.width * info.height * info.frames <= LARGEST_CONVERSION:
        for name in _targets(case) if case.own or not zlib.crc32(case.name.encode()) % CONVERTED else ():
            await _run(engine, case, Policy(named=True, targets=(name,)), out, rows)
    return rows


def _targets(case: Case) -> list[str]:
    """Formats to convert to: all for the folder's own files, for each variant one of them."""
    own = detect(case.data).spec.name
    names = [f.spec.name for f in FORMATS if isinstance(f, Target) and f.spec.name in CHOICE.values()]
    names = [name for name in names if name != own]
    return names if case.own or not names else [names[zlib.crc32(case.name.encode()) % len(names)]]


async def _run(engine: Engine, case: Case, policy: Policy, out: Path, rows: list[Row]) -> bytes | None:
    try:
        outcome = await engine.run(Source(case.data), policy)
    except PareError as error:
        print(f"{case.name}: {error.detail}")
        return None
    file = f"{zlib.crc32(case.data):08x}-{len(case.data)}"
    (out / file).write_bytes(case.data)
    target = policy.targets[0] if policy.targets else ""
    rows.append(
        Row(
            file,
            case.picture,
            case.source,
            case.own,
            policy.quality,
            target,
            len(case.data),
            len(outcome.data),
        )
    )
    return outcome.data
