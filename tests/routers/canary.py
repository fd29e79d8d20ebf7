"""Runs inside a network namespace of its own (`unshare --net`): a service, and a canary at every address there is.

Reads URLs as a JSON list from standard input; writes, for each, the status and code of POST /optimize and the addresses
that were connected to.
"""

import json
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import AF_INET6, IPPROTO_IPV6, IPV6_V6ONLY
from urllib.parse import unquote

import httpx

from tests.conftest import start_service
from tests.helpers import encode, graphic

PICTURE = encode(graphic(), "PNG")
ACCEPTED: list[str] = []
"""The addresses that were connected to since the last request."""
LOOPBACK_UP = ("ip link set lo up", "ip route add local default dev lo", "ip -6 route add local default dev lo")


class Canary(BaseHTTPRequestHandler):
    """A picture for whoever gets through; with a query, a redirect to what it says."""

    def do_GET(self) -> None:
        target = unquote(self.path.partition("?")[2])
        self.send_response(302 if target else 200)
        self.send_header("Location" if target else "Content-Type", target or "image/png")
        self.send_header("Content-Length", "0" if target else str(len(PICTURE)))
        self.end_headers()
        if not target:
            self.wfile.write(PICTURE)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: standard error is for what goes wrong."""


class CanaryServer(ThreadingHTTPServer):
    """Notes whatever is accepted, be it HTTP or not."""

    def verify_request(self, request: object, client_address: object) -> bool:
        ACCEPTED.append(request.getsockname()[0])  # type: ignore[attr-defined]
        return True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error."""


class CanaryServer6(CanaryServer):
    address_family = AF_INET6

    def server_bind(self) -> None:
        self.socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
        super().server_bind()


def main() -> None:
    for command in LOOPBACK_UP:
        subprocess.run(command.split(), check=True)
    for port in (80, 443):
        for kind, address in ((CanaryServer, "0.0.0.0"), (CanaryServer6, "::")):
            threading.Thread(target=kind((address, port), Canary).serve_forever, daemon=True).start()
    urls = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        process, address = start_service(Path(folder))
        try:
            with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
                print(json.dumps([ask(client, url) for url in urls]))
        finally:
            process.terminate()
            process.wait(timeout=40)


def ask(service: httpx.Client, url: str) -> dict[str, object]:
    ACCEPTED.clear()
    answer = service.post("/optimize", json={"url": url})
    code = answer.json()["code"] if answer.is_error else answer.headers["server-timing"].partition(";")[0]
    return {"url": url, "status": answer.status_code, "code": code, "reached": list(ACCEPTED)}


if __name__ == "__main__":
    main()
