"""Writes what is generated from the settings and the formats: the README's tables, `.env.example`.

make docs, or python -m scripts.generate_docs
"""

import json
import re
from collections.abc import Iterator

from pydantic import SecretStr
from pydantic_core import to_jsonable_python

from config import ROOT, Settings
from optimizers.base import Target
from optimizers.policy import SCALE
from optimizers.router import FORMATS

README = ROOT / "README.md"
ENV_EXAMPLE = ROOT / ".env.example"
ENV_HEADER = "# Copy to .env and take the # from what shall differ; an empty value is the default. Made by: make docs\n"
LEAST_SHOWN = 20
MACHINE_DEPENDENT = {"compression_semaphore_size": "CPUs", "max_queue_depth": "2 × CPUs", "tools_dir": ".tools/bin"}


def settings_table() -> Iterator[str]:
    """Every setting: variable, default, meaning."""
    yield "| variable | default | meaning |"
    yield "|---|---|---|"
    for name, field in Settings.model_fields.items():
        yield f"| `{name.upper()}` | {_default(name) or '(empty)'} | {field.description} |"


def formats_table() -> Iterator[str]:
    """Every format: names, type, tools, whether a request may ask for it."""
    yield "| format | extensions | type | programs | written from others |"
    yield "|---|---|---|---|---|"
    for optimizer in FORMATS:
        spec, target = optimizer.spec, "yes" if isinstance(optimizer, Target) else ""
        cells = (spec.name, ", ".join(spec.extensions), spec.mime, ", ".join(spec.tools) or "–", target)
        yield f"| {' | '.join(cells)} |"


def scale_table() -> Iterator[str]:
    """What Pare's quality means."""
    shown = [(quality, score) for quality, score in SCALE if quality >= LEAST_SHOWN]
    yield f"| quality | {' | '.join(str(quality) for quality, _ in shown)} |"
    yield f"|---|{'---|' * len(shown)}"
    yield f"| SSIMULACRA2 of a typical photograph | {' | '.join(f'{score:g}' for _, score in shown)} |"


TABLES = {"settings": settings_table, "formats": formats_table, "scale": scale_table}


def rendered(text: str) -> str:
    """The text with each generated block renewed."""
    for name, table in TABLES.items():
        block = "\n".join([f"<!-- {name} -->", *table(), f"<!-- /{name} -->"])
        text = re.sub(rf"<!-- {name} -->.*?<!-- /{name} -->", lambda _, b=block: b, text, flags=re.DOTALL)
    return text


def env_example() -> str:
    """Every setting, commented out with its default; empty where that depends on the machine."""
    blocks = (
        f"# {field.description}\n# {name.upper()}={'' if name in MACHINE_DEPENDENT else _default(name)}\n"
        for name, field in Settings.model_fields.items()
    )
    return "\n".join([ENV_HEADER, *blocks])


def _default(name: str) -> str:
    default = Settings.model_fields[name].default
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, dict | tuple):
        return json.dumps(to_jsonable_python(default))
    value = str(MACHINE_DEPENDENT.get(name, default))
    return value.lower() if isinstance(default, bool) else value


if __name__ == "__main__":
    README.write_text(rendered(README.read_text()))
    ENV_EXAMPLE.write_text(env_example())
