"""Holds every locked package against the known vulnerabilities: `python -m scripts.audit` (make audit).

Exits with 0 when all were audited and none is known to be vulnerable, 1 when one is, 3 when any could not be audited.
pip-audit itself exits with 0 for packages that its service does not answer for.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 3
SECONDS = 300


def command(locks: Sequence[Path]) -> list[str]:
    """pip-audit over lock files as they are: nothing is resolved or installed."""
    files = [part for lock in locks for part in ("-r", str(lock))]
    return [sys.executable, "-m", "pip_audit", "--disable-pip", "--progress-spinner=off", "--format=json", *files]


def run(argv: Sequence[str]) -> tuple[list[dict[str, Any]], str]:
    """What it says of each package, and why it says nothing where it does not."""
    try:
        done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return [], f"no answer within {SECONDS} s"
    except (ValueError, KeyError, TypeError):
        return [], done.stderr.strip()[-500:] or "pip-audit said nothing"
    return packages, ""


def judge(packages: Sequence[dict[str, Any]], failure: str = "") -> tuple[int, list[str]]:
    """The exit code and what to print."""
    vulnerable = [
        f"VULNERABLE: {package['name']} {package['version']}: {vulnerability['id']}, "
        f"fixed in {', '.join(vulnerability['fix_versions']) or 'no version yet'}"
        for package in packages
        for vulnerability in package.get("vulns", ())
    ]
    skipped = sum("skip_reason" in package for package in packages)
    if skipped:
        failure = f"the advisory service did not answer for {skipped} of {len(packages)} packages"
    elif not packages:
        failure = failure or "no packages were named"
    silent = [f"NOT AUDITED: {failure}. This says nothing about their vulnerabilities."] if failure else []
    if vulnerable or silent:
        return VULNERABLE if vulnerable else NOT_AUDITED, vulnerable + silent
    return CLEAN, [f"{len(packages)} packages audited, no known vulnerability"]


def main() -> int:
    """Audit the locks of this checkout."""
    code, lines = judge(*run(command(sorted(ROOT.glob("requirements*.txt")))))
    print("\n".join(lines), file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
