"""`config check`: every setting, its value and where that comes from, and what is wrong with it."""

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from pydantic import AliasChoices, SecretStr
from pydantic_core import to_jsonable_python
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from commands.exits import Exit
from commands.show import json_line, table, warn
from config import ROOT, Settings, SettingsError, load_settings

ENV_FILE = ROOT / ".env"
MASK = "********"


class Explained(NamedTuple):
    """One setting as it stands."""

    name: str
    value: str
    source: str
    """`default`, `environment` or `.env`."""
    meaning: str


async def check(*, as_json: bool) -> Exit:
    """The whole list; every wrong value is one sentence on standard error."""
    rows = list(explained())
    if as_json:
        for row in rows:
            json_line(row._asdict())
    else:
        table(("setting", "value", "source", "meaning"), rows)
    problems = list(wrong())
    for sentence in problems:
        warn(sentence)
    return Exit.WRONG if problems else Exit.OK


def explained() -> Iterator[Explained]:
    """Every setting: what the environment says goes before `.env`, and that before the default."""
    sources = {
        "environment": EnvSettingsSource(Settings).env_vars,
        ".env": DotEnvSettingsSource(Settings, env_file=ENV_FILE).env_vars,
    }
    for name, field in Settings.model_fields.items():
        spellings = _spellings(name, field.validation_alias)
        source, value = next(
            ((said, given[key]) for said, given in sources.items() for key in spellings if key in given),
            ("default", field.default),
        )
        secret = isinstance(field.default, SecretStr)
        yield Explained(name.upper(), _shown(value, secret=secret), source, field.description or "")


def wrong() -> Iterator[str]:
    """What would keep the service from starting, one sentence each."""
    try:
        settings = load_settings(ENV_FILE)
    except SettingsError as error:
        yield from str(error).split("; ")
        return
    folder = ROOT / settings.data_dir
    standing = next(place for place in (folder, *folder.parents) if place.exists())
    if not (standing.is_dir() and os.access(standing, os.W_OK)):
        yield f"DATA_DIR is wrong: {standing} cannot be written"


def _spellings(name: str, alias: object) -> list[str]:
    return [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [name]


def _shown(value: Any, *, secret: bool) -> str:
    """As it would be written into `.env`."""
    plain = value.get_secret_value() if isinstance(value, SecretStr) else to_jsonable_python(value)
    text = plain if isinstance(plain, str) else json.dumps(plain)
    return MASK if secret and text else text
