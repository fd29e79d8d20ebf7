"""Run a program from bytes to bytes, as bare as Python allows."""

import os
import subprocess
from collections.abc import Collection
from pathlib import Path
from shutil import which

ROOT = Path(__file__).parent.parent
SEARCH_PATH = os.pathsep.join([os.environ["PATH"], os.environ.get("TOOLS_DIR", str(ROOT / ".tools" / "bin"))])
ENVIRONMENT = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "NODE_PATH": os.environ.get("NODE_PATH", "")}


def run(*argv: str, stdin: bytes, declined: Collection[int] = ()) -> bytes | None:
    """The program's standard output; None when it exits with a code in `declined`, CalledProcessError at any other."""
    path = which(argv[0], path=SEARCH_PATH)
    if path is None:
        raise FileNotFoundError(f"{argv[0]} is not installed")
    done = subprocess.run([path, *argv[1:]], input=stdin, capture_output=True, env=ENVIRONMENT)
    if done.returncode in declined:
        return None
    done.check_returncode()
    return done.stdout
