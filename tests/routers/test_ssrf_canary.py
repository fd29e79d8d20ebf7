"""The real service where every address is a canary's: what gets connected to, and what does not."""

import json
import os
import subprocess
import sys
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from benchmarks.addresses import PRIVATE_IPV4, PRIVATE_IPV6, PUBLIC, in_url
from utils.worker_pool import ROOT

ORIGIN = "93.184.215.14"
PRIVATE = [f"http://{in_url(address)}/a.png" for address in (*PRIVATE_IPV4, *PRIVATE_IPV6)]
OTHER = ["http://localhost/a.png", f"http://{ORIGIN}:8080/", f"http://u@{ORIGIN}/", f"ftp://{ORIGIN}/", "file:///a"]


def via(*hops: str) -> str:
    """A URL of the canary's that redirects to the next, and so on."""
    *before, last = hops
    for hop in reversed(before):
        last = f"{hop}/?{quote(last, safe='')}"
    return f"http://{ORIGIN}/?{quote(last, safe='')}"


REFUSED = [*PRIVATE, *(url.replace("http:", "https:") for url in PRIVATE[::5]), *OTHER]
REDIRECTED = [*map(via, PRIVATE), *map(via, OTHER), via("http://1.1.1.1", "http://127.0.0.1/")]
FOLLOWED = [via("/b.png"), via("//1.1.1.1/b.png"), via("http://[2a00:1450:4001:82a::200e]", "http://1.1.1.1/b.png")]
REACHED = {f"http://{in_url(address)}/a.png": address for address in PUBLIC}


def canary_report(urls: list[str]) -> dict[str, dict[str, Any]]:
    """What became of every URL."""
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *as_root, "--net", sys.executable, "-m", "tests.routers.canary"]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(urls), capture_output=True, text=True, timeout=110)
    # Without a namespace nothing would be shown, so that is a failure, and not a reason to skip.
    assert "unshare:" not in done.stderr, f"this test needs a network namespace, refused here: {done.stderr}"
    assert done.returncode == 0, done.stderr
    return {row.pop("url"): row for row in json.loads(done.stdout)}


def test_only_public_addresses_are_ever_connected_to() -> None:
    report = canary_report([*REFUSED, *REDIRECTED, *FOLLOWED, *REACHED])
    refused = {"status": 422, "code": "url_refused", "reached": []}
    assert {url: row for url in REFUSED if (row := report[url]) != refused} == {}
    for url in REDIRECTED:
        assert (report[url]["status"], report[url]["code"]) == (422, "url_refused"), url
        assert set(report[url]["reached"]) <= {ORIGIN, "1.1.1.1"}, url
    for url in [*FOLLOWED, *REACHED]:
        assert (report[url]["status"], report[url]["code"]) == (200, "fetch"), url
    for url, address in REACHED.items():
        assert [ip_address(seen) for seen in report[url]["reached"]] == [ip_address(address.removeprefix("::ffff:"))]
