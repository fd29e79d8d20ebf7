"""A service for Tinify's clients: plain for Python's, behind TLS for Node's, with pictures that it may fetch."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import trustme
import uvicorn

from config import Settings
from main import create_app
from routers.draining import LingeringConnection
from security.ssrf import check_url
from tests.storage.front import Front, running
from tests.stores import served
from tests.utils.test_url_fetch import LOOPBACK, Names, allow_loopback


@dataclass(frozen=True)
class Place:
    """Where the service answers, and the certificate authority of its TLS."""

    url: str
    tls: Front
    authority: Path
    picture: str
    """The address of a picture on another server."""

    @property
    def tls_url(self) -> str:
        return f"https://localhost:{self.tls.server_port}"


@contextmanager
def tinify_service(folder: Path, picture: bytes, **settings: Any) -> Iterator[Place]:
    """The service on loopback; `picture` is to be had at another address."""
    with origin_of(picture) as port:
        app = create_app(
            Settings(data_dir=folder, compression_semaphore_size=1, max_queue_depth=4, **settings),
            resolver=Names(a_example=LOOPBACK),
            address_check=allow_loopback,
            url_check=partial(check_url, ports=frozenset({port})),
        )
        config = uvicorn.Config(
            app, port=0, log_config=None, access_log=False, loop="asyncio", http=LingeringConnection
        )
        with served(config) as url, running(Front(url)) as tls:
            authority = with_certificate(tls, folder)
            yield Place(url, tls, authority, f"http://a.example:{port}/photo.jpg")


def with_certificate(front: Front, folder: Path) -> Path:
    """Puts a server behind TLS; the file of the authority that vouches for it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    front.socket = context.wrap_socket(front.socket, server_side=True)
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    return file


@contextmanager
def origin_of(picture: bytes) -> Iterator[int]:
    """A server with one picture; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(picture)))
            self.end_headers()
            self.wfile.write(picture)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()
