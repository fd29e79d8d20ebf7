"""Spans arrive at a collector, by the standard variables; without one, OpenTelemetry's SDK is not even imported."""

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from config import ROOT
from tests.conftest import start_service
from tests.helpers import encode, photo

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"


class Collector(ThreadingHTTPServer):
    """Takes spans over OTLP/HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.spans: list[Span] = []
        self.services: set[str] = set()


class Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
            self.server.services.add(attributes["service.name"])
            self.server.spans += [span for scope in resource.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_request_and_its_steps_are_spans_of_the_callers_trace(collector: Collector, tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{collector.server_address[1]}"
    process, address = start_service(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_SERVICE_NAME="shop-images")
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    planted = f"{address}/optimize?quality=70&ticket=planted&%74icket=planted"
    assert httpx.post(planted, content=b"", trust_env=False).status_code == 401
    answer = httpx.post(f"{address}/optimize", content=encode(photo(), "JPEG"), headers=headers, trust_env=False)
    assert answer.status_code == 200
    process.terminate()
    assert process.wait(timeout=40) == 0

    assert collector.services == {"shop-images"}
    refused = collector.spans.pop(0)
    assert "quality=70" in str(refused) and "planted" not in str(refused)
    spans = {span.name: span for span in collector.spans}
    assert spans.keys() == {"POST /optimize", "inspect", "queue", "encode", "verify"}, "and none of a probe"
    request = spans.pop("POST /optimize")
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    assert request.parent_span_id.hex() == CALLER
    assert {span.parent_span_id for span in spans.values()} == {request.span_id}
    line = f'"logging.googleapis.com/spanId": "{request.span_id.hex()}"'
    assert line in (tmp_path / "service.log").read_text()


def test_without_a_collector_the_sdk_is_not_imported(tmp_path: Path) -> None:
    script = """
import sys
from fastapi.testclient import TestClient
from main import create_app
with TestClient(create_app()) as client:
    assert client.get("/errors").status_code == 200
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)}
    argv = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
