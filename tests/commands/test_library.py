"""`library sweep` and `library move`, as a shell starts them, over what a service has kept."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.commands.shell import pare
from tests.conftest import start_service
from tests.helpers import encode, photo


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    """DATA_DIR with one image of /v1."""
    process, address = start_service(tmp_path)
    files = {"file": ("a.jpg", encode(photo(), "JPEG"))}
    answer = httpx.post(f"{address}/v1/images", data={"tenant": "a"}, files=files, trust_env=False, timeout=60)
    process.terminate()
    assert (answer.status_code, process.wait(timeout=40)) == (201, 0)
    yield tmp_path


def test_strays_are_told_and_mended(kept: Path, tmp_path: Path) -> None:
    data = {"DATA_DIR": str(kept)}
    assert pare(tmp_path, "library", "sweep", **data)[0] == 0
    lost = next((kept / "objects").rglob("*_card.jpg"))
    lost.unlink()
    code, out, _ = pare(tmp_path, "library", "sweep", "--json", **data)
    found = json.loads(out)
    assert (code, [Path(key).name for key in found["missing"]]) == (1, [lost.name])
    assert pare(tmp_path, "library", "sweep", "--mend", **data)[0] == 0


def test_objects_are_moved(kept: Path, tmp_path: Path) -> None:
    target = f"file://{tmp_path}/elsewhere"
    code, out, _ = pare(tmp_path, "library", "move", target, "--json", DATA_DIR=str(kept))
    assert (code, json.loads(out)) == (0, {"copied": 4, "known": 0, "missing": 0, "failed": 0})
    names = [sorted(p.name for p in (tmp_path / f).rglob("*_*.jpg")) for f in ("objects", "elsewhere")]
    assert names[0] == names[1]
    code, _, err = pare(tmp_path, "library", "move", "ftp://x", DATA_DIR=str(kept))
    assert code == 2 and "ftp://x" in err
