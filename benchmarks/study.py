"""Everything that is asked of one picture, in a process of its own: auto, fixed qualities, other tools."""

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CalledProcessError

from PIL import Image

from benchmarks.curves import Ladder, Rung
from benchmarks.files import Sample
from benchmarks.ladders import Tool, peers, usual
from benchmarks.workbench import Shot, Workbench, looks
from optimizers.policy import Policy, quality_for

DEFAULT = 80
PEERS_PIXELS = 2_100_000
"""Pixels up to which peers are asked for a picture: the run shall end."""
TO = "→ "
LADDER = (40, 60, 70, DEFAULT, 90, 95)
"""Qualities at which Pare's own curve is drawn."""


@dataclass(frozen=True, slots=True)
class Study:
    """What was measured of one picture."""

    sample: Sample
    to: str | None = None
    """The format of a conversion; None for the picture's own."""
    auto: dict[float, Shot] = field(default_factory=dict)
    """By target score."""
    fixed: dict[int, Shot] = field(default_factory=dict)
    """By Pare's quality."""
    others: dict[str, Ladder] = field(default_factory=dict)
    """By label of the tool."""

    @property
    def written(self) -> str:
        """The format of the answers."""
        return self.to or self.sample.format

    @property
    def group(self) -> str:
        """What it is counted with: pictures written in their own format, or all that are converted to one."""
        return f"{TO}{self.to}" if self.to else self.sample.format

    @property
    def broken(self) -> bool:
        """Whether a result cannot be scored: undecodable, or of another size or number of frames."""
        return any(shot.score is None for shot in (*self.auto.values(), *self.fixed.values()))

    @property
    def own(self) -> Ladder:
        """Pare's answers at fixed qualities; those without loss only where other tools have them on their ladder."""
        exact = is_exact(self.written)
        return [
            Rung(quality, shot.size, shot.score)
            for quality, shot in sorted(self.fixed.items())
            if shot.score is not None and (shot.lossy or exact)
        ]


_benches: list[Workbench] = []


def prepare(folder: str) -> None:
    """Start this process's engine; the folder is for its locks."""
    _benches.append(Workbench(Path(folder, str(os.getpid()))))


def bench() -> Workbench:
    """This process's engine."""
    return _benches[0]


def nominal(target: float) -> int:
    """The fixed quality that a typical picture needs for a score."""
    return round(quality_for(target))


def fixed(sample: Sample, to: str | None, quality: int) -> Shot | None:
    """Pare's answer at a fixed quality."""
    return bench().shoot(sample.data, Policy(quality=quality, named=True, targets=(to,) if to else ()))


def auto(sample: Sample, to: str | None, target: float) -> Shot | None:
    """Pare's answer where a score is to be reached."""
    wishes = Policy(auto=True, min_score=target, named=True, targets=(to,) if to else ())
    return bench().shoot(sample.data, wishes)


def study(sample: Sample, to: str | None, targets: Sequence[float], with_peers: bool) -> Study | None:
    """Ask everything; None where the picture is refused."""
    found = Study(sample, to)
    for target in targets:
        if shot := auto(sample, to, target):
            found.auto[target] = shot
    for quality in sorted({*LADDER, *map(nominal, targets)}):
        if shot := fixed(sample, to, quality):
            found.fixed[quality] = shot
    if not found.fixed:
        return None
    small = _pixels(sample.data) <= PEERS_PIXELS
    for tool in tools_of(found.written, with_peers and small):
        found.others[tool.label] = list(climb(tool, sample.data))
    return found


def tools_of(format: str, with_peers: bool) -> list[Tool]:
    """The bare tool first."""
    own = usual()
    return [*([own[format]] if format in own else []), *(peers().get(format, ()) if with_peers else ())]


def is_exact(format: str) -> bool:
    """Whether files without loss are a step of the format's usual ladder."""
    return any(tool.exact for tool in tools_of(format, with_peers=False))


def climb(tool: Tool, data: bytes) -> Iterator[Rung]:
    """A tool's files at all of its qualities, as far as it takes the picture."""
    for dial in tool.rungs:
        made = _encoded(tool, data, dial)
        score = looks(data, made) if made else None
        if made is None or score is None:
            return
        yield Rung(dial, len(made), score)
    made = tool.exact(data) if tool.exact else None
    if made:
        yield Rung(0, len(made), 100.0)


def _encoded(tool: Tool, data: bytes, dial: int) -> bytes | None:
    """None too where the tool fails on the file, as on a format that it does not read."""
    with suppress(CalledProcessError):
        return tool.encode(data, dial)
    return None


def _pixels(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as image:
        return image.width * image.height
