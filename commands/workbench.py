"""The machinery of a command: built from the settings of this checkout, with slots of its own."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from config import ROOT, Settings, load_settings
from machinery import Machinery, build_machinery, hidden_places
from utils.concurrency import Slots
from utils.sandbox import confine
from utils.subprocess_runner import Launcher


def settings() -> Settings:
    """The environment's and the checkout's `.env`: never one that lies among the pictures. Raises SettingsError."""
    return load_settings(ROOT / ".env")


@asynccontextmanager
async def workbench(known: Settings, jobs: int) -> AsyncIterator[Machinery]:
    """Tools and workers for so many pictures at once."""
    launcher = Launcher(partial(confine, hidden_places(known)))
    with tempfile.TemporaryDirectory(prefix="pare-") as folder:
        machinery = build_machinery(known, launcher, Slots(Path(folder), jobs, 0))
        try:
            yield machinery
        finally:
            await machinery.close()
