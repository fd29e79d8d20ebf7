"""libvips as the isolated workers use it."""

from functools import cache
from typing import Any

LOADERS = ("Jpeg", "Png", "Webp", "Svg")
"""What it may read, by the names of its classes: all else that its wheel holds stays shut."""


@cache
def vips() -> Any:
    """The library with one thread, and nothing kept: a worker lives on, and nobody asks for the same picture again."""
    import pyvips

    pyvips.vips_lib.vips_concurrency_set(1)
    pyvips.cache_set_max(0)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader in LOADERS:
        pyvips.operation_block_set(f"VipsForeignLoad{loader}", False)
    return pyvips
