"""A reverse proxy on loopback that fails on purpose and remembers what it was asked."""

import http.client
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
DROP, LOSE, HANG = -1, -2, -3
"""Faults beside statuses: cut before it is done, cut after it was done, never answer."""


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""


class Front(ThreadingHTTPServer):
    """Hands everything on to `target`, after the faults that were ordered."""

    daemon_threads = True

    def __init__(self, target: str, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.target = urlsplit(target).netloc
        self.faults: deque[int] = deque()
        self.asked: list[str] = []
        self.over = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fail(self, *faults: int) -> None:
        """Faults for the next requests, one each."""
        self.asked.clear()
        self.faults.extend(faults)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """What the service behind says; subclasses know more."""
        connection = http.client.HTTPConnection(self.target, timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            kept = [(k, v) for k, v in response.getheaders() if k.lower() not in HOP]
            length = response.getheader("content-length")
            if method == "HEAD" and length:
                kept.append(("Content-Length", length))
            return Answer(response.status, kept, response.read())
        finally:
            connection.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Front

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with self.server.lock:
            self.server.asked.append(f"{self.command} {self.path}")
            fault = self.server.faults.popleft() if self.server.faults else 0
        if fault == HANG:
            self.server.over.wait(10)
        if fault in (DROP, HANG):
            self.close_connection = True
            return
        if fault > 0:
            self.reply(Answer(fault, [], b"{}"))
            return
        answer = self.server.answer(self.command, self.path, dict(self.headers.items()), body)
        if fault == LOSE:
            self.close_connection = True
            return
        self.reply(answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = serve

    def reply(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in answer.headers):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def running(front: Front) -> Iterator[Front]:
    """The proxy at work in a thread."""
    thread = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield front
    finally:
        front.over.set()
        front.shutdown()
        thread.join()
        front.server_close()
