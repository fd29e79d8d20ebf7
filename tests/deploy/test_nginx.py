"""The nginx recipe, run by a real nginx in front of a real service."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from grp import getgrgid
from pathlib import Path
from pwd import getpwuid
from shutil import which
from typing import NamedTuple

import httpx
import pytest

from security.image_urls import signed_image_url
from tests.conftest import free_port, start_service
from tests.deploy.accepts import AVIF, NEITHER, SPELLED, WEBP
from tests.helpers import encode, photo
from utils.worker_pool import ROOT

RECIPE = ROOT / "deploy" / "cdn" / "nginx.conf"
MAIN = """
daemon off; user {user}; pid {folder}/pid; error_log {folder}/error.log; events {{}}
http {{ {paths} access_log {folder}/access.log; include {folder}/recipe.conf; }}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
FORMATS = {AVIF: "image/avif", WEBP: "image/webp", NEITHER: "image/jpeg"}
SECRET = "a secret of thirty-two letters ok"
AUTO = "/images/cup.jpg?w=60&format=auto"


def edge(folder: Path, service: str, held: ExitStack) -> httpx.Client:
    """A client of the recipe, with its addresses and folders changed to ours."""
    port = free_port()
    changes = {"pare:8080": service.removeprefix("http://"), "listen 80": f"listen 127.0.0.1:{port}"}
    text = RECIPE.read_text()
    for old, new in {**changes, "/var/cache/nginx/pare": str(folder / "cache")}.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "recipe.conf").write_text(text)
    user = f"{getpwuid(os.getuid()).pw_name} {getgrgid(os.getgid()).gr_name}"  # as root, it would become another
    paths = " ".join(f"{name}_temp_path {folder}/{name};" for name in TEMPORARY)
    (folder / "nginx.conf").write_text(MAIN.format(user=user, folder=folder, paths=paths))
    program = which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")
    assert program, "nginx is not installed"
    process = subprocess.Popen([program, "-p", str(folder), "-c", str(folder / "nginx.conf")])
    held.callback(process.wait, timeout=20)
    held.callback(process.terminate)
    client = held.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False))
    for _ in range(100):
        try:
            client.get("/")
            return client
        except httpx.TransportError:
            assert process.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.05)
    raise AssertionError((folder / "error.log").read_text())


def running(folder: Path, held: ExitStack, **settings: str) -> tuple[subprocess.Popen[bytes], httpx.Client]:
    """A service with an original, and the edge in front of it."""
    (folder / "cup.jpg").write_bytes(encode(photo(), "JPEG", quality=95))
    process, address = start_service(folder, ORIGIN_URL=f"file://{folder}", TRUSTED_PROXY_HOPS="1", **settings)
    held.callback(process.wait, timeout=40)
    held.callback(process.terminate)
    (folder / "edge").mkdir()
    return process, edge(folder / "edge", address, held)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of the edge in front of a service with default settings."""
    with ExitStack() as held:
        yield running(tmp_path_factory.mktemp("open"), held)[1]


class Guarded(NamedTuple):
    """A service that wants signatures and lets its images be kept for a second, and a client of the edge before it."""

    service: subprocess.Popen[bytes]
    client: httpx.Client


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The last test with it ends the service."""
    with ExitStack() as held:
        folder = tmp_path_factory.mktemp("guarded")
        yield Guarded(*running(folder, held, SIGNING_KEY=SECRET, DELIVERY_MAX_AGE_SECONDS="1"))


def test_the_second_request_costs_the_service_nothing(client: httpx.Client) -> None:
    first, second = (client.get("/images/cup.jpg?w=50&format=webp") for _ in range(2))
    assert (first.status_code, first.headers["x-cache"], second.headers["x-cache"]) == (200, "MISS", "HIT")
    assert first.content == second.content and first.headers["etag"] == second.headers["etag"]
    assert client.head("/images/cup.jpg?w=50&format=webp").headers["x-cache"] == "HIT"


def test_each_kind_of_client_gets_its_own_and_no_more_are_kept(client: httpx.Client) -> None:
    for accept, spelled in SPELLED.items():
        answer = client.get(AUTO, headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, FORMATS[spelled]), accept
        assert "accept" in answer.headers["vary"].lower()
    caches = [client.get(AUTO, headers={"Accept": accept}).headers["x-cache"] for accept in SPELLED]
    assert set(caches) == {"HIT"}
    fresh = [client.get("/images/cup.jpg?w=61&format=auto", headers={"Accept": accept}) for accept in SPELLED]
    assert [answer.headers["x-cache"] for answer in fresh].count("MISS") == len(FORMATS)


def test_what_does_not_negotiate_is_kept_once(client: httpx.Client) -> None:
    url = "/images/cup.jpg?w=70&format=avif"
    assert client.get(url, headers={"Accept": "*/*"}).headers["x-cache"] == "MISS"
    other = client.get(url, headers={"Accept": "image/webp"})
    assert (other.headers["x-cache"], other.headers["content-type"]) == ("HIT", "image/avif")


def test_what_the_client_has_is_not_sent_again(client: httpx.Client) -> None:
    etag = client.get("/images/cup.jpg?w=40").headers["etag"]
    again = client.get("/images/cup.jpg?w=40", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/images/cup.jpg?w=40", headers={"If-None-Match": '"other"'}).status_code == 200


def test_refusals_are_not_kept(client: httpx.Client) -> None:
    for url, status in (("/images/none.jpg?w=40", 404), ("/images/cup.jpg?w=0", 400)):
        for _ in range(2):
            answer = client.get(url)
            assert (answer.status_code, answer.headers["x-cache"]) == (status, "MISS")


def test_only_reading_passes(client: httpx.Client) -> None:
    assert client.delete("/images/cup.jpg").status_code == 403
    assert client.post("/images/cup.jpg").status_code == 403
    assert client.get("/health").status_code == 404


def test_signatures_guard_what_is_kept(guarded: Guarded) -> None:
    url = signed_image_url("cup.jpg", {"w": "50", "format": "auto", "v": "1"}, SECRET)
    for cache in ("MISS", "HIT"):
        answer = guarded.client.get(url, headers={"Accept": "image/webp"})
        assert (answer.status_code, answer.headers["x-cache"]) == (200, cache)
    unsigned = "/images/cup.jpg?format=auto&v=1&w=50"
    assert guarded.client.get(unsigned).status_code == guarded.client.get(url[:-2] + "xx").status_code == 403


def test_an_old_image_is_better_than_none(guarded: Guarded) -> None:
    kept, unknown = (signed_image_url("cup.jpg", {"w": width}, SECRET) for width in ("60", "99"))
    fresh = guarded.client.get(kept)
    assert (fresh.status_code, fresh.headers["x-cache"]) == (200, "MISS")
    guarded.service.kill()
    guarded.service.wait()
    time.sleep(2.1)  # past its max-age
    stale = guarded.client.get(kept)
    assert (stale.status_code, stale.headers["x-cache"], stale.content) == (200, "STALE", fresh.content)
    assert guarded.client.get(unknown).status_code == 502
