"""The TypeScript client, compiled with the types of the running service and run by Node against it."""

import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from config import ROOT
from tests.helpers import encode, photo

CLIENT = ROOT / "clients" / "typescript"
TOOLS = CLIENT / "node_modules" / ".bin"


def run(folder: Path, *argv: str, **env: str) -> str:
    """What a program of the client's own tools says; it has to succeed."""
    given = {"PATH": os.environ["PATH"], **env}
    done = subprocess.run(argv, cwd=folder, env=given, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(service: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the client, built as its README says."""
    assert TOOLS.exists(), "scripts/node-packages.sh installs the compiler (make setup)"
    folder = tmp_path_factory.mktemp("typescript") / "client"
    shutil.copytree(CLIENT, folder, ignore=shutil.ignore_patterns("node_modules", "dist", "schema.ts"))
    (folder / "node_modules").symlink_to(CLIENT / "node_modules")
    run(
        folder,
        str(TOOLS / "openapi-typescript"),
        f"{str(service.base_url).rstrip('/')}/openapi.json",
        "-o",
        "src/schema.ts",
    )
    run(folder, str(TOOLS / "tsc"))
    return folder


def test_it_does_what_it_says(built: Path, service: httpx.Client, tmp_path: Path) -> None:
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(encode(photo(), "JPEG", quality=95))
    address = str(service.base_url).rstrip("/")
    said = run(
        built, "node", "--test", "--test-reporter=tap", "test/client.test.js", PARE_URL=address, PHOTO=str(picture)
    )
    assert "# pass 6\n" in said and "# fail 0\n" in said


def test_it_depends_on_nothing(built: Path) -> None:
    script = (built / "dist" / "index.js").read_text()
    assert (
        "import" not in script.replace("import type", "")
        and '"dependencies"' not in (CLIENT / "package.json").read_text()
    )


def test_wrong_use_does_not_compile(built: Path) -> None:
    wrong = built / "src" / "wrong.ts"
    wrong.write_text('import { Pare } from "./index.js";\nnew Pare("x").optimize(new Blob(), { quality: "best" });\n')
    done = subprocess.run([TOOLS / "tsc", "--noEmit"], cwd=built, capture_output=True, text=True)
    wrong.unlink()
    assert done.returncode != 0 and "wrong.ts(2" in done.stdout
