"""Which files a command is about: those named, and in folders whatever begins like an image."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from commands.exits import Wrong
from exceptions import PayloadTooLarge, UnknownFormat
from optimizers.base import SNIFF_BYTES
from optimizers.router import detect

MARK = ".pare"
"""Stands before the extension of a result beside its original."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One file, and its place below the folder that was named (its mere name where it was named itself)."""

    path: Path
    place: Path


@dataclass(slots=True)
class Found:
    """The pictures, and how many other files lay among them."""

    pictures: list[Picture] = field(default_factory=list)
    others: int = 0


def find(named: Sequence[Path], *, recursive: bool, leave_out: Path | None = None) -> Found:
    """Every picture once. Raises Wrong for a name that leads nowhere, and for a folder without `recursive`.

    In folders symbolic links are not followed, and hidden files, earlier results and `leave_out` are passed over.
    """
    found = Found()
    seen: set[str] = set()
    for name in named:
        for picture in _below(name, leave_out, recursive) if name.is_dir() else [_named(name)]:
            real = os.path.realpath(picture.path)
            if real in seen:
                continue
            seen.add(real)
            if picture.path == name or _is_picture(picture.path):
                found.pictures.append(picture)
            else:
                found.others += 1
    return found


def read(path: Path, most: int) -> tuple[os.stat_result, bytes]:
    """A file of at most `most` bytes, and what it was like before. Raises PayloadTooLarge, OSError."""
    stat = path.stat()
    if stat.st_size > most:
        raise PayloadTooLarge(f"{stat.st_size} bytes, and MAX_FILE_SIZE_MB allows {most}")
    return stat, path.read_bytes()


def _named(name: Path) -> Picture:
    if not name.is_file():
        raise Wrong(f"{name} is no file" if name.exists() else f"there is no {name}")
    return Picture(name, Path(name.name))


def _below(folder: Path, leave_out: Path | None, recursive: bool) -> Iterator[Picture]:
    if not recursive:
        raise Wrong(f"{folder} is a folder: say --recursive")
    shut = None if leave_out is None else os.path.realpath(leave_out)
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and os.path.realpath(os.path.join(top, name)) != shut
        )
        for name in sorted(names):
            path = Path(top, name)
            if name.startswith(".") or path.is_symlink() or not path.is_file() or path.stem.endswith(MARK):
                continue
            yield Picture(path, path.relative_to(folder))


def _is_picture(path: Path) -> bool:
    """By its first bytes; one that cannot be read is left to whoever reads it to say so."""
    try:
        with path.open("rb") as file:
            detect(file.read(SNIFF_BYTES))
    except UnknownFormat:
        return False
    except OSError:
        return True
    return True
