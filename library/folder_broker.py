"""Celery's broker in a folder: kombu's own, made safe for several readers and writers.

Its files become visible while they are still empty, and are taken by a move that is a copy where the temporary folder
is on another disk. Here a file appears whole, and whoever removes it has it.
"""

import json
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem

SCHEME = "folder"
BEING_WRITTEN = ".new"
LOOK_SECONDS = 0.3


class Channel(filesystem.Channel):
    """One message, one file; by name in the order in which they were sent."""

    def _put(self, queue: str, payload: Any, **_: Any) -> None:  # type: ignore[override]
        path = Path(self.data_folder_out, f"{time.time_ns():020}_{uuid.uuid4().hex}.{queue}.msg")
        draft = path.with_name(path.name + BEING_WRITTEN)
        draft.write_text(json.dumps(payload))
        draft.rename(path)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        ending = f"{queue}.msg"
        for name in sorted(os.listdir(self.data_folder_in)):
            if name.partition(".")[2] == ending and (text := _taken(Path(self.data_folder_in, name))) is not None:
                return json.loads(text)
        raise Empty


class Transport(filesystem.Transport):
    """The same transport over these channels."""

    Channel = Channel

    def drain_events(self, connection: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Look for messages no longer than that, so that a worker that has none sees soon that it shall end."""
        return super().drain_events(connection, timeout=LOOK_SECONDS)  # type: ignore[no-untyped-call]


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:{Transport.__name__}"


def _taken(path: Path) -> str | None:
    """What is in it, for the one who removed it; None for all others."""
    try:
        text = path.read_text()
        path.unlink()
    except FileNotFoundError:
        return None
    return text
