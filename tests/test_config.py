"""Settings: frozen, from the environment, and wrong ones are one clear sentence."""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from config import ROOT, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def no_env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults_need_nothing() -> None:
    settings = load_settings()
    assert (settings.port, settings.default_quality, settings.max_file_size) == (8080, 80, 32 << 20)


def test_environment_and_empty_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEFAULT_QUALITY", "70")
    monkeypatch.setenv("PORT", "")
    settings = load_settings()
    assert (settings.default_quality, settings.port) == (70, 8080)


@pytest.mark.parametrize(("name", "value"), [("PORT", "http"), ("DEFAULT_QUALITY", "101"), ("LOG_LEVEL", "LOUD")])
def test_a_wrong_value_is_one_sentence_that_names_the_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name} is wrong: .*{value}"):
        load_settings()


def test_a_wrong_address_does_not_tell_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redi://user:secret@host")
    with pytest.raises(SettingsError, match=r"^REDIS_URL is wrong") as caught:
        load_settings()
    assert "secret" not in str(caught.value)


def test_every_line_of_the_example_is_a_default_once_it_is_taken_in(tmp_path: Path) -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    (tmp_path / ".env").write_text("\n".join(line.removeprefix("# ") for line in lines if "=" in line))
    assert load_settings() == Settings(_env_file=None)


def test_the_version_is_the_packages() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert Settings.model_fields["version"].default == package["version"]


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1


def test_the_service_does_not_start_on_a_wrong_setting() -> None:
    done = subprocess.run([sys.executable, "main.py"], cwd=ROOT, env={"PORT": "-1"}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("pare: PORT is wrong") and "Traceback" not in done.stderr


def started(**env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "main.py"], cwd=ROOT, env=env, capture_output=True, text=True)


def test_the_service_does_not_start_without_a_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = started(DATA_DIR=f"{tmp_path}/file/data")
    assert done.returncode == 2
    assert done.stderr.startswith("pare: DATA_DIR is wrong: ") and done.stderr.count("\n") == 1


def test_the_service_does_not_start_without_a_folder_for_its_slots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Settings(data_dir=tmp_path).slots_dir.touch()
    done = started(DATA_DIR=str(tmp_path), TMPDIR=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("pare: TMPDIR is wrong: ") and done.stderr.count("\n") == 1


def test_slots_are_shared_by_neither_containers_nor_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = Settings(data_dir=tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "one container"))
    here, beside = volume.slots_dir, Settings(data_dir=tmp_path / "other").slots_dir
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "another"))
    assert len({here, beside, volume.slots_dir}) == 3
