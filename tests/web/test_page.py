"""The page as the service hands it out: its own files, cached, and nothing that runs but them."""

import re

import httpx
import pytest

from config import ROOT
from routers.page import ASSETS, REVISION

WEB = ROOT / "web"
INDEX = (WEB / "index.html").read_text()
SCRIPTS = sorted(WEB.glob("*.js"))


@pytest.fixture(scope="module")
def front(service: httpx.Client) -> httpx.Response:
    return service.get("/")


def policy(answer: httpx.Response) -> dict[str, str]:
    pairs = (part.strip().partition(" ") for part in answer.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in pairs}


def test_only_its_own_files_run(front: httpx.Response) -> None:
    assert front.status_code == 200 and front.headers["content-type"] == "text/html; charset=utf-8"
    rules = policy(front)
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
    assert rules["require-trusted-types-for"] == "'script'"


def test_nothing_is_inline_and_nothing_from_elsewhere() -> None:
    assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", INDEX) == []
    files = [path for path in WEB.rglob("*") if path.suffix in (".html", ".js", ".css", ".svg")]
    text = "".join(path.read_text() for path in files).replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?:|url\(\s*[\"']?//|innerHTML|\beval\(", text) == []


def test_the_page_is_asked_for_again_its_files_are_not(service: httpx.Client, front: httpx.Response) -> None:
    assert front.headers["cache-control"] == "no-cache"
    named = re.findall(r'(?:href|src)="(/web/[^"]+)"', front.text)
    assert len(named) >= 6
    for path in named:
        answer = service.get(path)
        assert answer.status_code == 200 and answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        again = service.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert service.get("/", headers={"If-None-Match": front.headers["etag"]}).status_code == 304
    assert service.get("/web/older/app.js").headers["cache-control"] == "no-cache"


def test_files_are_packed_for_those_who_take_it(service: httpx.Client) -> None:
    path = f"/web/{REVISION}/app.js"
    packed, plain = service.get(path), service.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.content == plain.content == (WEB / "app.js").read_bytes()
    assert packed.headers["etag"] != plain.headers["etag"] and "Accept-Encoding" in plain.headers["vary"]


@pytest.mark.parametrize("path", ["none.js", "../main.py", "%2e%2e/main.py", "fonts", "", "../../etc/passwd"])
def test_no_other_file_is_handed_out(service: httpx.Client, path: str) -> None:
    answer = service.get(f"/web/{REVISION}/{path}")
    assert answer.status_code == 404 and answer.json()["code"] == "not_found"


def test_head_and_wrong_methods(service: httpx.Client) -> None:
    assert service.head("/").status_code == 200 and service.head("/").content == b""
    assert service.post("/").status_code == 405


def test_it_costs_nothing_of_the_allowance(service: httpx.Client, front: httpx.Response) -> None:
    for answer in (front, service.get("/web/service.json"), service.get(f"/web/{REVISION}/app.js")):
        assert "ratelimit" not in answer.headers


def test_what_the_page_is_told_of_the_service(service: httpx.Client) -> None:
    told = service.get("/web/service.json")
    assert told.headers["cache-control"] == "no-store"
    document = told.json()
    assert document["max_file_size"] == 32 << 20 and document["key_needed"] is False
    assert document["targets"] == ["avif", "gif", "jpeg", "png", "webp"]
    assert document["formats"].keys() == service.get("/health").json()["formats"].keys()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_import_what_is_there_and_all_are_used(script: object) -> None:
    imports = {path.name: re.findall(r'from "\./([^"]+)"', path.read_text()) for path in SCRIPTS}
    name = getattr(script, "name", "")
    assert set(imports[name]) <= ASSETS.keys()
    assert name == "app.js" or any(name in used for used in imports.values())
