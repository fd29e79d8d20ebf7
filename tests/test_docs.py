"""What is generated is up to date; every error has its row; every decision is listed."""

import ast
import re
from collections.abc import Iterator

import pytest

from config import ROOT
from exceptions import STATUS, PareError, status_of
from scripts.generate_docs import ENV_EXAMPLE, README, env_example, rendered


def test_the_readme_is_generated_from_what_is() -> None:
    assert README.read_text() == rendered(README.read_text()), "run: make docs"
    assert ENV_EXAMPLE.read_text() == env_example(), "run: make docs"


def leaves(cls: type[PareError]) -> Iterator[type[PareError]]:
    for child in cls.__subclasses__():
        yield child
        yield from leaves(child)


@pytest.mark.parametrize("cls", list(leaves(PareError)), ids=lambda c: c.__name__)
def test_every_error_has_a_status_and_stands_in_the_tree(cls: type[PareError]) -> None:
    import exceptions

    assert cls.__name__ in (exceptions.__doc__ or "")
    if cls.__subclasses__() and cls not in STATUS:
        return
    assert 400 <= status_of(cls("x")).status < 600


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text()
    assert all(path.name in listed for path in folder.glob("0*.md"))


SECURITY = (ROOT / "SECURITY.md").read_text()
PROMISES = re.split(r"\n- ", SECURITY[SECURITY.index("## What is promised") : SECURITY.index("## What is not")])[1:]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise[:40])
def test_every_promise_names_tests_that_exist(promise: str) -> None:
    named = NAMED.findall(promise)
    assert named
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text())
        assert name in {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}, name
