"""Puts fitted numbers where they live: beside each format's outlook."""

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optimizers.base import Optimizer
from optimizers.prediction import Fit

BLOCK = re.compile(r"(?:# Fitted by[^\n]*\n)?FITS: dict\[str, Fit\] = \{(?:\n.*?\n)?\}\n", re.DOTALL)
TITLE = (
    "# Fitted by `python -m benchmarks estimate`: rows, and the mean miss of sources left out (points of the file).\n"
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """One case's line, how many rows it was fitted to, and by how much it missed others."""

    fit: Fit
    rows: int
    miss: str


def home(optimizer: Optimizer) -> str:
    """The module in which a format's fits live."""
    modules = {name: module for name, module in list(sys.modules.items()) if name.startswith("optimizers.")}
    return next(name for name, module in modules.items() if getattr(module, "FITS", None) is optimizer.fits)


def write(fits: Mapping[tuple[str, str], Fitted]) -> None:
    """Replace the block of every module that has fits."""
    blocks: dict[str, list[str]] = defaultdict(list)
    for (module, case), found in sorted(fits.items()):
        weights = ", ".join(f'"{name}": {value}' for name, value in found.fit.weights.items())
        blocks[module].append(f"    # {found.rows} rows, {found.miss}")
        blocks[module].append(f'    "{case}": Fit({{{weights}}}, {found.fit.low}, {found.fit.high}),')
    paths = [Path(sys.modules[module].__file__ or "") for module in blocks]
    for path, lines in zip(paths, blocks.values(), strict=True):
        block = f"{TITLE}FITS: dict[str, Fit] = {{\n" + "\n".join(lines) + "\n}\n"
        path.write_text(BLOCK.sub(lambda _, block=block: block, path.read_text(), count=1))
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", *map(str, paths)], check=True)
