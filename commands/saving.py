"""Where a result is written, and how: whole or not at all, and over nothing that was not meant."""

import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from commands.files import MARK, Picture
from optimizers.base import FormatSpec


class NotWritten(Exception):
    """The result could not be put where it belongs; the message says why."""


@dataclass(frozen=True, slots=True)
class Saving:
    """Where results go: over the original, into a folder, or beside the original with `.pare` in the name."""

    in_place: bool = False
    folder: Path | None = None
    keep_mtime: bool = False

    def target(self, picture: Picture, made: FormatSpec) -> Path:
        """Where this result goes; the extension is the sender's own where it fits the format."""
        if self.in_place:
            return picture.path
        given = picture.path.suffix.lower().lstrip(".")
        ending = picture.path.suffix if given in made.extensions else f".{made.extensions[0]}"
        if self.folder is None:
            return picture.path.with_name(f"{picture.path.stem}{MARK}{ending}")
        return self.folder / picture.place.with_name(f"{picture.place.stem}{ending}")

    def save(self, data: bytes, original: Path, before: os.stat_result, target: Path) -> None:
        """Put the result at `target` with the original's mode, owner and attributes. Raises NotWritten, OSError."""
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".pare-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                self._like(original, before, name)
                os.fsync(file.fileno())
            if self.in_place:
                _expect_unchanged(original, before)
            else:
                _reserve(target)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise

    def _like(self, original: Path, before: os.stat_result, name: str) -> None:
        with suppress(PermissionError):  # only root gives files away
            os.chown(name, before.st_uid, before.st_gid)
        shutil.copystat(original, name)
        if not self.keep_mtime:
            os.utime(name)


def _expect_unchanged(original: Path, before: os.stat_result) -> None:
    now = os.lstat(original)
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (before.st_ino, before.st_size, before.st_mtime_ns):
        raise NotWritten("it changed while it was worked on")


def _reserve(target: Path) -> None:
    """Take the name, so that of two results only one gets it."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        raise NotWritten(f"{target} exists") from None
