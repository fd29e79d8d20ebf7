"""The house keeps its directions: who may import whom, where a format may be named."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import optimizers
from optimizers.base import Optimizer
from optimizers.router import FORMATS

ROOT = Path(__file__).parent.parent
FLOOR = {
    "exceptions": 0,
    "config": 0,
    "utils": 1,
    "security": 2,
    "storage": 2,
    "optimizers": 3,
    "estimation": 4,
    "delivery": 4,
    "library": 4,
    "schemas": 4,
    "routers": 5,
    "middleware": 5,
    "machinery": 5,
    "parts": 6,
    "main": 6,
    "commands": 6,
    "worker": 6,
    "cli": 6,
}
WEB = {"fastapi", "starlette", "uvicorn"}
MAY_NOT_KNOW_CONFIG = 3


def sources() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path.relative_to(ROOT).parts[0].removesuffix(".py") in FLOOR)


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path} imports relatively"
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    floor = FLOOR[room_of(path)]
    for name in imported(path):
        assert FLOOR.get(name, -1) <= floor, f"{name} is above {room_of(path)}"
        assert name not in WEB or floor >= FLOOR["routers"], f"{name} belongs to the doors"
        assert name != "pydantic" or floor >= FLOOR["schemas"] or room_of(path) == "config"
        assert name != "config" or floor > MAY_NOT_KNOW_CONFIG, "settings are handed down as values"


def test_depends_only_in_deps() -> None:
    users = {p.name for p in sources() if "Depends" in p.read_text()}
    assert users == {"deps.py"}


def test_every_optimizer_is_listed() -> None:
    for path in Path(optimizers.__path__[0]).glob("*.py"):
        __import__(f"optimizers.{path.stem}")
    concrete = {
        cls for cls in _subclasses(Optimizer) if cls.__module__.startswith("optimizers.") and hasattr(cls, "spec")
    }
    assert concrete == {type(optimizer) for optimizer in FORMATS}


def _subclasses(cls: type) -> Iterator[type]:
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)


def test_names_are_unique() -> None:
    names = [name for o in FORMATS for name in (o.spec.name, *o.spec.aliases)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("optimizer", FORMATS, ids=lambda o: o.spec.name)
def test_a_format_is_named_in_one_file_and_one_line(optimizer: Optimizer) -> None:
    own = type(optimizer).__module__.split(".")[-1]
    names_it = re.compile(rf"(?<!b)[\"']{optimizer.spec.name}[\"']")
    assert [p.name for p in sources() if not p.stem.startswith(own) and names_it.search(p.read_text())] == []
