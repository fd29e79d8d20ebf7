"""`estimate`, `health`, `config check` and the help."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from commands.exits import Exit
from config import ROOT, Settings
from tests.commands.shell import pare
from tests.helpers import encode, photo

PHOTO = encode(photo(), "JPEG", quality=95)


def test_an_estimate_is_the_services_own(tmp_path: Path, service: httpx.Client) -> None:
    (tmp_path / "a.jpg").write_bytes(PHOTO)
    (tmp_path / "b.txt").write_text("no image")
    code, out, _ = pare(tmp_path, "estimate", ".", "-r", "--json", "--quality", "60")
    estimate, total = map(json.loads, out.splitlines())
    assert code == 0 and estimate.pop("file") == "a.jpg"
    assert estimate == service.post("/estimate?quality=60", content=PHOTO).json()
    assert total["total"] == {
        "estimated": 1,
        "failed": 0,
        "skipped": 1,
        "original_size": len(PHOTO),
        "estimated_size": estimate["estimated_size"],
    }
    code, out, err = pare(tmp_path, "estimate", "a.jpg", "b.txt")
    assert code == 1 and "1 estimated, 1 failed" in out and err.startswith("pare: b.txt: ")


def test_health_here_and_there(tmp_path: Path, service: httpx.Client) -> None:
    code, out, _ = pare(tmp_path, "health", "--json")
    here, there = json.loads(out), service.get("/health").json()
    assert code == 0 and here["status"] == "ok" and here["tools"] == there["tools"]
    code, out, _ = pare(tmp_path, "health", "--url", str(service.base_url))
    assert code == 0 and "pngquant" in out and "not configured" in out
    code, out, err = pare(tmp_path, "health", "--url", "http://127.0.0.1:1")
    assert code == 1 and "unreachable" in out and "does not answer" in err
    assert pare(tmp_path, "health", "--url", "file:///etc/passwd")[0] == 2


def test_health_without_tools(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    code, out, _ = pare(tmp_path, "health", "--json", PATH="/nowhere", TOOLS_DIR="/nowhere")
    found = json.loads(out)
    assert code == 1 and found["status"] == "degraded"
    assert found["tools"]["pngquant"] == {"available": False, "version": None, "self_test": False}


def test_every_setting_is_explained(tmp_path: Path) -> None:
    code, out, err = pare(tmp_path, "config", "check", "--json", API_KEY="hush", PORT="9000", STORAGE_TYPE="local")
    rows = {row["name"]: row for row in map(json.loads, out.splitlines())}
    assert (code, err) == (0, "") and set(rows) == {name.upper() for name in Settings.model_fields}
    assert all(row["meaning"] and row["source"] in ("default", "environment", ".env") for row in rows.values())
    assert (rows["PORT"]["value"], rows["PORT"]["source"]) == ("9000", "environment")
    assert (rows["API_KEY"]["value"], rows["API_KEY"]["source"]) == ("********", "environment")
    assert rows["STORAGE_BACKEND"]["source"] == "environment", "by another spelling"
    assert (rows["HOST"]["value"], rows["HOST"]["source"]) == ("127.0.0.1", "default")
    assert "hush" not in out


def test_wrong_settings_are_one_sentence_each(tmp_path: Path) -> None:
    code, out, err = pare(tmp_path, "config", "check", PORT="http", DEFAULT_QUALITY="0", REDIS_URL="x://:hush@y")
    assert code == 2 and "SERVICE_NAME" in out and "hush" not in out + err
    assert [line.split()[1] for line in err.splitlines()][:2] == ["PORT", "DEFAULT_QUALITY"]
    (tmp_path / "file").touch()
    code, _, err = pare(tmp_path, "config", "check", DATA_DIR=f"{tmp_path}/file/data")
    assert code == 2 and err.startswith("pare: DATA_DIR is wrong: ") and err.count("\n") == 1


def test_the_source_may_be_an_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from commands import configuration

    (tmp_path / ".env").write_text("PORT=9001\nHOST=0.0.0.0\n")
    monkeypatch.setattr(configuration, "ENV_FILE", tmp_path / ".env")
    monkeypatch.setenv("HOST", "127.0.0.2")
    rows = {row.name: (row.value, row.source) for row in configuration.explained()}
    assert rows["PORT"] == ("9001", ".env") and rows["HOST"] == ("127.0.0.2", "environment")


@pytest.mark.parametrize("args", [["optimize"], ["estimate"], ["health"], ["config", "check"], []])
def test_exit_codes_are_in_every_help_and_in_the_readme(args: list[str], tmp_path: Path) -> None:
    code, out, _ = pare(tmp_path, *args, "--help")
    assert code == 0
    readme = (ROOT / "README.md").read_text()
    for number in Exit:
        assert str(number.value) in out.partition("Exit codes:")[2]
        assert f"`{number.value}`" in readme.partition("## Command line")[2]


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys, cli; print([m for m in ('pydantic', 'fastapi', 'numpy', 'PIL', 'config') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


def test_the_script_finds_its_checkout_from_anywhere(tmp_path: Path) -> None:
    checkout = tmp_path / "a checkout"
    for folder in ("scripts", ".venv/bin"):
        (checkout / folder).mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "pare", checkout / "scripts")
    python = checkout / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    python.chmod(0o755)
    (tmp_path / "pare").symlink_to(checkout / "scripts" / "pare")
    done = subprocess.run([tmp_path / "pare", "optimize", "a b.jpg"], cwd="/", capture_output=True, text=True)
    assert done.stdout == f"{checkout}/cli.py|optimize|a b.jpg|", done.stderr
