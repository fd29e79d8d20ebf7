"""Settings: frozen, from the environment, and wrong ones are one clear sentence."""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from config import ROOT, Settings, SettingsError, load_settings
from parts import image_rules, store_options


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORIGIN_URL", "photos"),
        ("DELIVERY_CACHE_URL", "ftp://photos"),
        ("DELIVERY_SIZES", "small"),
        ("DELIVERY_PRESETS", "nonsense"),
        ("DELIVERY_PRESETS", '{"card": 1}'),
        ("DELIVERY_PRESETS", '{"card": "w=0"}'),
        ("DELIVERY_PRESETS", '{"card": "preset=card"}'),
        ("SIGNING_KEY", "2026:"),
    ],
)
def test_what_delivery_cannot_mean_is_said_at_start(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name} is wrong: "):
        image_rules(load_settings())


def test_what_is_set_up_for_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELIVERY_SIZES", "300, 600,")
    monkeypatch.setenv("DELIVERY_PRESETS", '{"card": "w=200&format=jpg"}')
    monkeypatch.setenv("SIGNING_KEY", "2026:new,old")
    settings = load_settings()
    rules = image_rules(settings)
    assert (rules.sizes, rules.presets, rules.quality) == ({300, 600}, {"card": "w=200&format=jpg"}, 80)
    assert settings.signing_keys == ["2026:new", "old"]


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
    telling = re.compile(r"(key|secret|token|password|redis_url|database_url|dsn)(?!.*_id$)")
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


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "file://data/objects"),
        ({"DATA_DIR": "/srv/a b"}, "file:///srv/a%20b/objects"),
        ({"STORAGE_URL": "s3://photos/in/here", "STORAGE_BACKEND": "local"}, "s3://photos/in/here"),
        ({"STORAGE_BACKEND": "local", "STORAGE_PATH": "/srv/images"}, "file:///srv/images"),
        ({"STORAGE_TYPE": "gcs", "STORAGE_BASE_PATH": "photos"}, "gs://photos"),
        ({"STORAGE_TYPE": "s3", "STORAGE_PATH": "photos/in"}, "s3://photos/in"),
        ({"STORAGE_BACKEND": "memory"}, "memory://"),
        (
            {
                "STORAGE_BACKEND": "supabase",
                "SUPABASE_BUCKET": "b",
                "SUPABASE_URL": "https://x",
                "SUPABASE_SERVICE_KEY": "k",
            },
            "supabase://b",
        ),
    ],
)
def test_a_store_has_several_spellings(environment: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings().store_url == url


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"STORAGE_URL": "ftp://x"}, "^STORAGE_URL is wrong"),
        ({"STORAGE_URL": "s3://"}, "^STORAGE_URL is wrong"),
        ({"STORAGE_BACKEND": "s3"}, "^STORAGE_PATH is wrong"),
        ({"STORAGE_BACKEND": "ftp"}, "^STORAGE_BACKEND is wrong"),
        ({"STORAGE_URL": "supabase://b"}, "SUPABASE_URL and SUPABASE_SERVICE_KEY"),
        ({"STORAGE_ALLOWED_BUCKETS": "a,../b"}, "^STORAGE_ALLOWED_BUCKETS is wrong.*../b"),
        ({"S3_SERVER_SIDE_ENCRYPTION": "rot13"}, "^S3_SERVER_SIDE_ENCRYPTION is wrong"),
    ],
)
def test_a_store_that_cannot_be_is_said_at_start(
    environment: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=sentence):
        load_settings()


def test_secrets_of_stores_stay_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "SUPABASE_SERVICE_KEY"):
        monkeypatch.setenv(name, "hush")
    settings = load_settings()
    assert "hush" not in repr(settings) + settings.model_dump_json() + repr(store_options(settings))
    assert store_options(settings).s3.secret_access_key == "hush"


def test_stores_get_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9023")
    monkeypatch.setenv("STORAGE_TIMEOUT_SECONDS", "7")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    options = store_options(load_settings())
    assert (options.gcs.endpoint, options.gcs.anonymous) == ("http://127.0.0.1:9023", True)
    assert (options.retry.total, options.s3.region) == (7, "eu-west-1")


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PRESETS", "{"),
        ("PRESETS", "{}"),
        ("PRESETS", '{"thumb": {"width": 10}}'),
        ("PRESETS", '{"thumb": {"width": 10, "height": 10, "fit": "stretch"}}'),
        ("IMAGE_SIZES", '{"../x": 10}'),
        ("IMAGE_SIZES", '{"thumbnail": 0}'),
        ("ALLOWED_MIME_TYPES", "image/png"),
        ("PHASH_HAMMING_THRESHOLD", "16"),
        ("JWT_SECRET_KEY", "short"),
        ("JWT_ALGORITHM", "none"),
        ("DATABASE_URL", "mysql://root:hush@db/pare"),
    ],
)
def test_a_library_that_cannot_be_is_said_at_start(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name} is wrong: ") as caught:
        load_settings()
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "limit"),
    [
        ({}, 10 << 20),
        ({"MAX_UPLOAD_SIZE_MB": "20"}, 20 << 20),
        ({"MAX_UPLOAD_BYTES": "5000"}, 5000),
        ({"MAX_UPLOAD_SIZE_MB": "1", "MAX_UPLOAD_BYTES": "20000000"}, 1 << 20),
    ],
)
def test_an_upload_has_one_limit(environment: dict[str, str], limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings().max_upload == limit


def test_the_database_has_several_spellings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_settings().database_address == f"sqlite:///{tmp_path}/data/library.db"
    monkeypatch.setenv("DATABASE_PATH", "/srv/pare.db")
    assert load_settings().database_address == "sqlite:////srv/pare.db"
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/n")
    assert load_settings().database_address == "postgresql://u:p@h/n"
