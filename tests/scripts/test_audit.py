"""An audit that did not take place is never taken for a clean one."""

import json
import sys

import pytest

from scripts.audit import CLEAN, NOT_AUDITED, VULNERABLE, judge, run

FINE = {"name": "fine", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"]}]}
SILENT = {"name": "silent", "skip_reason": "could not be audited"}


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([FINE, FINE], CLEAN, "2 packages audited"),
        ([FINE, BAD], VULNERABLE, "VULNERABLE: bad 2: CVE-1, fixed in 2.1"),
        ([FINE, SILENT], NOT_AUDITED, "NOT AUDITED: the advisory service did not answer for 1 of 2 packages"),
        ([BAD, SILENT], VULNERABLE, "NOT AUDITED"),
        ([], NOT_AUDITED, "NOT AUDITED"),
    ],
)
def test_verdicts(packages: list, code: int, said: str) -> None:
    found, lines = judge(packages)
    assert found == code
    assert said in "\n".join(lines)


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.exit('ConnectionError: no route')",
        "print('no JSON')",
        "print('[]')",
        "print('{}')",
        "pass",
    ],
)
def test_an_auditor_that_fails_has_audited_nothing(program: str) -> None:
    code, lines = judge(*run([sys.executable, "-c", program]))
    assert code == NOT_AUDITED
    assert lines[0].startswith("NOT AUDITED: ")


def test_its_reason_is_told() -> None:
    _, lines = judge(*run([sys.executable, "-c", "import sys; sys.exit('ConnectionError: no route')"]))
    assert "ConnectionError: no route" in lines[0]


def test_an_exit_code_says_less_than_the_report() -> None:
    program = f"import sys; print({json.dumps({'dependencies': [BAD]})!r}); sys.exit(1)"
    assert judge(*run([sys.executable, "-c", program]))[0] == VULNERABLE
