"""The options of the command line in the service's own words: they become a Policy by the same way."""

import re
from collections.abc import Mapping

from commands.exits import Wrong
from exceptions import InvalidOptions
from optimizers.policy import Policy
from optimizers.router import CHOICE
from schemas import OptimizationOptions, Quality

UNITS = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}


def policy_of(given: Mapping[str, str | None], default_quality: Quality) -> Policy:
    """What was given, None left out. Raises Wrong, which names the option."""
    said = {name: str(value) for name, value in given.items() if value is not None}
    if "max_bytes" in said:
        said["max_bytes"] = str(bytes_of(said["max_bytes"]))
    try:
        return OptimizationOptions.from_query(said).to_policy(default_quality, tuple(CHOICE.values()))
    except InvalidOptions as error:
        first = error.extensions["errors"][0]
        option = first["pointer"].strip("/").split("/")[0].replace("_", "-")
        raise Wrong(f"--{option} is wrong: {first['detail']}") from None


def bytes_of(text: str) -> int:
    """A size such as `200kb`, `1.5MB`, `64KiB` or `20000`; kB are 1000 bytes. Raises Wrong."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower(), re.ASCII)
    if not found or found[2] not in UNITS:
        raise Wrong(f"--max-bytes is wrong: {text!r} is no size, such as 200kb, 1.5mb or 20000")
    return round(float(found[1]) * UNITS[found[2]])
