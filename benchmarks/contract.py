"""The service held against its own OpenAPI document by schemathesis: what was sent, and whatever did not conform."""

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.programs import ROOT

PROGRAM = Path(sys.executable).with_name("schemathesis")
CONFIG = Path(__file__).with_name("schemathesis.toml")
FOUND = re.compile(r"^Test cases:\n\s+(\d+) generated", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Conformance:
    """How many requests were sent, and the report where something did not conform (else empty)."""

    requests: int
    report: str


def check_contract(url: str, examples: int, token: str = "") -> Conformance:
    """Coverage of every operation's document, then at most `examples` random requests each; always the same ones.

    `token` is a user's, for the operations that need one.
    """
    with tempfile.TemporaryDirectory() as folder:
        argv = [str(PROGRAM), "--config-file", str(CONFIG), "--no-color"]
        argv += ["run", f"{url}/openapi.json", "--max-examples", str(examples)]
        argv += ["--header", f"Authorization: Bearer {token}"] if token else []
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "benchmarks.contract_hooks"}
        done = subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True)
    sent = FOUND.search(done.stdout)
    conforms = done.returncode == 0 and sent is not None
    return Conformance(int(sent[1]) if sent else 0, "" if conforms else done.stdout + done.stderr)
