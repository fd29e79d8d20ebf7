"""One file through the engine, as POST /optimize runs it over an upload, and what became of it."""

import asyncio
import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from commands.exits import Exit
from commands.files import Picture, read
from commands.saving import NotWritten, Saving
from exceptions import PareError
from optimizers.base import Source
from optimizers.engine import Engine
from optimizers.outcome import Outcome, Reason
from optimizers.policy import Policy

UNREACHED = (Reason.BUDGET_UNREACHABLE, Reason.SCORE_UNREACHABLE)


class Status(StrEnum):
    """What became of one file."""

    WRITTEN = "written"
    WOULD_BE_WRITTEN = "would_be_written"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """One file: what was made of it and where it went, or why not."""

    path: Path
    status: Status
    before: int = 0
    outcome: Outcome | None = None
    target: Path | None = None
    detail: str = ""

    @property
    def after(self) -> int:
        """Bytes of what there is now."""
        written = self.outcome and self.status in (Status.WRITTEN, Status.WOULD_BE_WRITTEN)
        return len(self.outcome.data) if self.outcome and written else self.before


@dataclass(slots=True)
class Total:
    """All files together."""

    files: dict[Status, int] = field(default_factory=lambda: dict.fromkeys(Status, 0))
    skipped: int = 0
    before: int = 0
    after: int = 0
    unreached: int = 0

    def add(self, result: Result) -> None:
        """One file more."""
        self.files[result.status] += 1
        self.before += result.before
        self.after += result.after
        self.unreached += result.outcome is not None and result.outcome.reason in UNREACHED

    @property
    def exit(self) -> Exit:
        """A failure counts before a wish that was not met."""
        return Exit.FAILED if self.files[Status.FAILED] else Exit.UNREACHED if self.unreached else Exit.OK


@dataclass(frozen=True, slots=True)
class Job:
    """How every file is worked on."""

    engine: Engine
    policy: Policy
    saving: Saving
    max_bytes: int
    """Largest file that is read."""
    dry_run: bool

    async def work(self, picture: Picture) -> Result:
        """One file from its first byte to its last; what is wrong with it is told, not raised."""
        path, before = picture.path, 0
        try:
            stat, data = await asyncio.to_thread(self._read, path)
            before = len(data)
            outcome = await self.engine.run(Source(data, path.name), self.policy)
            if not self._worth_writing(outcome):
                return Result(path, Status.KEPT, before, outcome)
            target = self.saving.target(picture, outcome.made)
            if self.dry_run:
                return Result(path, Status.WOULD_BE_WRITTEN, before, outcome, target)
            await asyncio.to_thread(self.saving.save, outcome.data, path, stat, target)
        except (PareError, NotWritten) as error:
            return Result(path, Status.FAILED, before, detail=str(error))
        except OSError as error:
            return Result(path, Status.FAILED, before, detail=error.strerror or str(error))
        return Result(path, Status.WRITTEN, before, outcome, target)

    def _read(self, path: Path) -> tuple[os.stat_result, bytes]:
        if self.saving.in_place and path.is_symlink():
            raise NotWritten("a symbolic link is not written over: name the file that it leads to")
        return read(path, self.max_bytes)

    def _worth_writing(self, outcome: Outcome) -> bool:
        """Smaller, or cleaner, or in the format that was asked for; into a folder whatever came out."""
        data = outcome.data
        cleaner = bool(outcome.removed) and data != outcome.source.data
        smaller = len(data) < len(outcome.source.data)
        return smaller or cleaner or outcome.made is not outcome.spec or self.saving.folder is not None
