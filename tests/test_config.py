"""Settings: frozen, from the environment, and wrong ones are one clear sentence."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

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


def test_a_password_that_is_not_quoted_is_not_told_as_a_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:sec/ret@host:6379/0")
    with pytest.raises(SettingsError, match=r"^REDIS_URL is wrong") as caught:
        load_settings()
    assert "sec" not in str(caught.value)


def test_settings_that_hold_secrets_do_not_show_them() -> None:
    telling = re.compile(r"(key|secret|token|password|credential|redis_url|database_url|dsn)(?!.*_id$)")
    shown = {n for n, field in Settings.model_fields.items() if telling.search(n) and field.annotation is not SecretStr}
    assert shown == set()
    settings = Settings(api_key=SecretStr("planted"), redis_url=SecretStr("redis://:planted@host"))
    assert "planted" not in f"{settings!r} {settings}"


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
