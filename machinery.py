"""What works on pictures, built from the settings: for the service, the command line and whatever else has no door."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from config import ROOT, Settings
from estimation.estimator import Estimator
from optimizers.engine import Engine
from optimizers.router import build_formats
from security.file_validation import DocumentLimits, ImageLimits
from utils.concurrency import Slots
from utils.subprocess_runner import Launcher, ProcessLimits, ToolRunner
from utils.worker_pool import WorkerPool

WORKER_PRELOAD = ("optimizers.router", "PIL.Image")


@dataclass(frozen=True)
class Machinery:
    """The engine, the estimator and what they were built with."""

    runner: ToolRunner
    limits: ImageLimits
    documents: DocumentLimits
    engine: Engine
    estimator: Estimator
    pools: tuple[WorkerPool, ...]

    async def close(self) -> None:
        """End every worker."""
        for pool in self.pools:
            await pool.close()


def build_machinery(settings: Settings, launcher: Launcher, slots: Slots) -> Machinery:
    """Tools, and workers for as many pictures at once as there are slots; nothing is started yet."""
    # The clock ends a tool; its CPU limit, which threads use up faster, only one that outlived the service.
    runner = ToolRunner(settings.search_path, ProcessLimits(cpu_seconds=4 * settings.tool_timeout_seconds), launcher)
    limits, documents = image_limits(settings), document_limits(settings)
    formats = build_formats(documents)
    workers = WorkerPool(slots.size, worker_environment(settings), WORKER_PRELOAD, launcher)
    sketchers = WorkerPool(1, worker_environment(settings), WORKER_PRELOAD, launcher)
    wait, floor = settings.tool_timeout_seconds, settings.min_score_floor
    engine = Engine(runner, workers, slots, limits, wait, formats, floor)
    estimator = Estimator(runner, sketchers, formats, limits)
    return Machinery(runner, limits, documents, engine, estimator, (sketchers, workers))


def image_limits(settings: Settings) -> ImageLimits:
    """What decoding a picture may take."""
    return ImageLimits(
        settings.max_pixels,
        settings.max_total_pixels,
        settings.max_frames,
        settings.max_decoded_mb << 20,
        settings.max_metadata_mb << 20,
    )


def document_limits(settings: Settings) -> DocumentLimits:
    """What reading an SVG may take."""
    return DocumentLimits(
        settings.max_svg_depth,
        settings.max_svg_elements,
        settings.max_svg_attributes,
        settings.max_svgz_ratio,
        settings.max_svg_css,
    )


def worker_environment(settings: Settings) -> dict[str, str]:
    """What an isolated worker may know: no setting, no secret; one thread, as slots are what is parallel."""
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1"}
    no_files = {"VIPS_DISC_THRESHOLD": "64g"}  # it would spill large pictures to where nothing can be written
    return {"PATH": settings.search_path, "LANG": "C.UTF-8", **one_thread, **no_files}


def hidden_places(settings: Settings) -> list[Path]:
    """What neither a tool nor a worker may read: other people's pictures, and where secrets customarily lie."""
    data = settings.data_dir.resolve()
    code = (ROOT, Path(sys.prefix), Path(sys.base_prefix), settings.tools_dir.resolve())
    urls = (settings.store_url, settings.origin_url, settings.delivery_cache_url)
    folders = [url.partition("file://")[2] for url in urls]
    kept = [data, *(Path(unquote(folder)).resolve() for folder in folders if folder)]
    stored = [folder for folder in kept if not any(place.is_relative_to(folder) for place in code)]
    home = os.path.expanduser("~")  # which, unlike Path.home(), does without a user of that number
    customary = [Path(home, name) for name in (".aws", ".config/gcloud", ".ssh")]
    scheme, _, tables = settings.database_address.partition(":///")
    files = [Path(tables + end).resolve() for end in ("", "-wal", "-shm")] if "sqlite" in scheme else []
    return [*stored, *files, ROOT / ".env", Path("/run/secrets"), *customary]
