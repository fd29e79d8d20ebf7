"""Writes what is generated from the settings and the formats: the README's tables, `.env.example`.

python -m scripts.reference
"""

import re
from collections.abc import Iterator

from pydantic import SecretStr

from config import ROOT, Settings
from optimizers.router import FORMATS

README = ROOT / "README.md"
ENV_EXAMPLE = ROOT / ".env.example"
MACHINE_DEPENDENT = {"compression_semaphore_size": "CPUs", "max_queue_depth": "2 × CPUs", "tools_dir": ".tools/bin"}


def settings_table() -> Iterator[str]:
    """Every setting: variable, default, meaning."""
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name, field in Settings.model_fields.items():
        yield f"| `{name.upper()}` | {_default(name) or '(empty)'} | {field.description} |"


def formats_table() -> Iterator[str]:
    """Every format: names, type, tools."""
    yield "| format | extensions | type | programs |"
    yield "|---|---|---|---|"
    for spec in (optimizer.spec for optimizer in FORMATS):
        yield f"| {spec.name} | {', '.join(spec.extensions)} | {spec.mime} | {', '.join(spec.tools) or '–'} |"


def rendered(text: str) -> str:
    """The text with each generated block renewed."""
    for name, table in (("settings", settings_table()), ("formats", formats_table())):
        block = "\n".join([f"<!-- {name} -->", *table, f"<!-- /{name} -->"])
        text = re.sub(rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _, b=block: b, text, flags=re.DOTALL)
    return text


def env_example() -> str:
    """Every setting, commented out with its default."""
    blocks = (
        f"# {field.description}\n# {name.upper()}={_default(name)}\n" for name, field in Settings.model_fields.items()
    )
    return "\n".join(blocks)


def _default(name: str) -> str:
    default = Settings.model_fields[name].default
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    value = str(MACHINE_DEPENDENT.get(name, default))
    return value.lower() if isinstance(default, bool) else value


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
    ENV_EXAMPLE.write_text(env_example())
