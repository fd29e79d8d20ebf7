"""Tries what a decoder that was taken over would try, in a tool; prints what it got, as JSON.

    python -m tests.utils.prisoner [no-landlock]

A program of its own, because being confined cannot be undone and because the planted secret is in its environment.
"""

import asyncio
import json
import os
import sys

from utils import sandbox
from utils.subprocess_runner import MIB, Launcher, ToolRunner

PEEK = """
import os, sys
from contextlib import suppress
for name in ("environ", "maps", "mem"):
    with suppress(OSError):
        print(name, open(f"/proc/{os.getppid()}/{name}", "rb").read(1))
"""


def confine_without_landlock() -> sandbox.Confinement:
    """What the kernel of gVisor leaves of it."""
    sandbox._forbid_files = lambda hidden: 0
    return sandbox.confine()


async def main() -> None:
    launcher = Launcher(confine_without_landlock if "no-landlock" in sys.argv else sandbox.confine)
    runner = ToolRunner(os.environ["PATH"], launcher=launcher)
    seen = await runner.run((sys.executable, "-c", PEEK), timeout=20, max_output=MIB)
    print(json.dumps({"landlock": launcher.confinement.landlock, "seen": seen.decode()}))


if __name__ == "__main__":
    asyncio.run(main())
