"""The room as a whole, as the doors and the worker are handed it."""

from dataclasses import dataclass

from library.database import Database
from library.ingest import Ingest
from library.objects import Objects
from library.variants import Variant


@dataclass(frozen=True, slots=True)
class Library:
    """What is kept about images, and how images come in."""

    database: Database
    objects: Objects
    ingest: Ingest
    presets: tuple[Variant, ...]
    """Renditions of /v1."""
    sizes: tuple[Variant, ...]
    """Variants of /api/v1."""
