"""Writes the README's generated tables from the settings and the formats: `python -m scripts.reference`."""

import re
from collections.abc import Iterator
from pathlib import Path

from pydantic_core import PydanticUndefined

from config import ROOT, Settings
from optimizers.router import FORMATS

README = ROOT / "README.md"
MACHINE_DEPENDENT = {"compression_semaphore_size": "CPUs", "max_queue_depth": "2 × CPUs", "tools_dir": ".tools/bin"}


def settings_table() -> Iterator[str]:
    """Every setting: variable, default, meaning."""
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name, field in Settings.model_fields.items():
        default = MACHINE_DEPENDENT.get(name, "" if field.default is PydanticUndefined else field.default)
        yield f"| `{name.upper()}` | {default} | {field.description} |"


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


if __name__ == "__main__":
    Path(README).write_text(rendered(README.read_text()))
