"""GET, HEAD and DELETE /images over HTTP: what callers, caches and operators see."""

import gzip
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from http.client import HTTPConnection
from pathlib import Path
from zlib import crc32

import httpx
import pytest

from tests.conftest import start_service
from tests.helpers import decode, encode, graphic, photo
from tests.routers.test_metrics import Scrape

KEY = {"X-API-Key": "k1"}
DRAWING = (
    b"<svg xmlns='http://www.w3.org/2000/svg' width='80' height='40'><script>x</script><path d='M0 0h9v9z'/></svg>"
)


def bomb() -> bytes:
    """A PNG whose header says that it has 400 million pixels."""
    picture = bytearray(encode(photo(8, 8), "PNG"))
    picture[16:24] = (20_000).to_bytes(4) * 2
    picture[29:33] = crc32(picture[12:29]).to_bytes(4)
    return bytes(picture)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The origin; a secret lies beside it."""
    place = tmp_path_factory.mktemp("origin")
    (place / "secret.jpg").write_bytes(encode(photo(20, 20), "JPEG"))
    (place / "origin-beside").mkdir()
    (place / "origin-beside" / "a.jpg").write_bytes(encode(photo(20, 20), "JPEG"))
    origin = place / "origin"
    (origin / "shop").mkdir(parents=True)
    (origin / "shop" / "cup.jpg").write_bytes(encode(photo(), "JPEG", quality=95))
    (origin / "tee ü.png").write_bytes(encode(graphic(alpha=True), "PNG"))
    (origin / "a.svg").write_bytes(DRAWING)
    (origin / "a.svgz").write_bytes(gzip.compress(DRAWING))
    (origin / "bomb.png").write_bytes(bomb())
    (origin / "broken.jpg").write_bytes(encode(photo(), "JPEG")[:150])
    (origin / "text.jpg").write_bytes(b"no image")
    (origin / "large.jpg").write_bytes(bytes(1 << 21))
    (origin / "link.jpg").symlink_to(place / "secret.jpg")
    return origin


@pytest.fixture(scope="module")
def images(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service that delivers."""
    process, address = start_service(
        tmp_path_factory.mktemp("images"),
        ORIGIN_URL=f"file://{folder}",
        DELIVERY_CACHE_URL="memory://",
        DELIVERY_PRESETS='{"card": "w=40&h=40&fit=cover&format=auto"}',
        DELIVERY_MISSING_SECONDS="1",
        MAX_FILE_SIZE_MB="1",
        API_KEY="k1",
    )
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client
    process.terminate()
    assert process.wait(timeout=40) == 0


def get(images: httpx.Client, url: str, accept: str = "*/*", **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return images.get(f"/images/{url}", headers={"Accept": accept, **names})


def test_an_image_and_all_that_is_said_of_it(images: httpx.Client) -> None:
    answer = get(images, "shop/cup.jpg?w=80")
    assert answer.status_code == 200 and decode(answer.content).size == (80, 60)
    expected = {
        "content-type": "image/jpeg",
        "cache-control": "public, max-age=3600, stale-while-revalidate=60, stale-if-error=86400",
        "cache-status": "pare; fwd=miss; stored",
        "content-disposition": "inline; filename=\"cup.jpg\"; filename*=UTF-8''cup.jpg",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
        "image-width": "80",
        "image-height": "60",
        "x-optimized-size": str(len(answer.content)),
        "x-optimized-format": "jpeg",
        "x-original-format": "jpeg",
    }
    assert {name: answer.headers[name] for name in expected} == expected
    assert answer.headers["cache-tag"] == answer.headers["surrogate-key"]
    assert "Accept" not in answer.headers["vary"]
    spans = {part.strip().partition(";")[0] for part in answer.headers["server-timing"].split(",")}
    assert {"fetch", "inspect", "queue", "encode", "store"} <= spans
    again = get(images, "shop/cup.jpg?dpr=2&w=40")
    assert (again.headers["cache-status"], again.content) == ("pare; hit", answer.content)
    assert again.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("w=80&h=80", (80, 60)),
        ("w=80&h=80&fit=contain", (80, 60)),
        ("w=80&h=80&fit=inside", (80, 60)),
        ("w=80&h=80&fit=cover", (80, 80)),
        ("w=80&h=80&fit=fill", (80, 80)),
        ("w=60&h=60&fit=outside", (80, 60)),
        ("h=30", (40, 30)),
        ("w=40&dpr=2", (80, 60)),
        ("w=5000", (160, 120)),
        ("w=16384&h=16384&fit=cover&dpr=8", (120, 120)),
    ],
)
def test_sizes(images: httpx.Client, query: str, size: tuple[int, int]) -> None:
    assert decode(get(images, f"shop/cup.jpg?{query}").content).size == size


@pytest.mark.parametrize(
    ("query", "accept", "kind", "negotiated"),
    [
        ("format=auto", "image/avif,image/webp,*/*", "image/avif", True),
        ("format=auto", "image/webp,*/*", "image/webp", True),
        ("format=auto", "image/avif;q=0.1,image/webp;q=0.9", "image/webp", True),
        ("format=auto", "image/webp;q=0", "image/jpeg", True),
        ("format=auto", "*/*", "image/jpeg", True),
        ("preset=card", "image/webp", "image/webp", True),
        ("preset=card&format=png", "image/webp", "image/png", True),
        ("format=webp", "image/jpeg", "image/webp", False),
        ("format=jpg", "image/webp", "image/jpeg", False),
        ("format=gif", "*/*", "image/gif", False),
        ("", "image/avif", "image/jpeg", False),
    ],
)
def test_formats(images: httpx.Client, query: str, accept: str, kind: str, negotiated: bool) -> None:
    answer = get(images, f"shop/cup.jpg?w=40&{query}".replace("w=40&preset", "preset"), accept)
    assert answer.headers["content-type"] == kind
    assert ("Accept" in answer.headers["vary"]) is negotiated
    extension = {"image/jpeg": "jpg"}.get(kind, kind.partition("/")[2])
    assert f'filename="cup.{extension}"' in answer.headers["content-disposition"]


def test_negotiated_answers_are_kept_by_the_chosen_format(images: httpx.Client) -> None:
    first = get(images, "shop/cup.jpg?w=33&format=auto", "image/webp")
    second = get(images, "shop/cup.jpg?w=33&format=auto", "text/html;q=0.3, image/webp;q=0.9,*/*;q=0.2")
    assert second.headers["cache-status"] == "pare; hit" and second.content == first.content


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("shop/cup.jpg?format=auto&w=0", 400),
        ("none.jpg?format=auto", 404),
        ("text.jpg?format=auto", 415),
        ("large.jpg?format=auto", 413),
        ("none.jpg?preset=card", 404),
    ],
)
def test_refusals_of_negotiated_urls_vary_too(images: httpx.Client, url: str, status: int) -> None:
    answer = get(images, url)
    assert answer.status_code == status and "Accept" in answer.headers["vary"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/problem+json"
    wrong_key = get(images, url, X_API_Key="wrong")
    assert wrong_key.status_code == 401 and "Accept" in wrong_key.headers["vary"]


def test_a_wrong_parameter_is_named(images: httpx.Client) -> None:
    answer = get(images, "shop/cup.jpg?w=0&colour=red&fit=crop")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "invalid_options")
    assert [error["pointer"] for error in problem["errors"]] == ["/w", "/colour", "/fit"]


@pytest.mark.parametrize("url", ["shop/cup.jpg?w=50", "shop/cup.jpg?w=50&format=auto", "a.svg"])
def test_what_the_client_has_is_not_sent_again(images: httpx.Client, url: str) -> None:
    first = get(images, url, "image/webp")
    tag, modified = first.headers["etag"], first.headers["last-modified"]
    later = format_datetime(parsedate_to_datetime(modified) + timedelta(days=1), usegmt=True)
    for condition in (
        {"If_None_Match": tag},
        {"If_None_Match": tag.removeprefix("W/")},
        {"If_None_Match": f'"a", W/"b",{tag} , "c"'},
        {"If_None_Match": "*"},
        {"If_Modified_Since": modified},
        {"If_Modified_Since": later},
        {"If_None_Match": tag, "If_Modified_Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
    ):
        answer = get(images, url, "image/webp", **condition)
        assert (answer.status_code, answer.content) == (304, b""), condition
        for name in ("etag", "cache-control", "last-modified", "cache-tag", "surrogate-key", "vary"):
            assert answer.headers[name] == first.headers[name]
        assert "content-type" not in answer.headers and "content-length" not in answer.headers
    for condition in (
        {"If_None_Match": '"another"'},
        {"If_None_Match": '"another"', "If_Modified_Since": later},
        {"If_None_Match": "nonsense"},
        {"If_Modified_Since": "Mon, 01 Jan 2001 00:00:00 GMT"},
        {"If_Modified_Since": "yesterday"},
        {"If_Modified_Since": ""},
    ):
        assert get(images, url, "image/webp", **condition).status_code == 200, condition


def test_not_modified_costs_no_work(images: httpx.Client) -> None:
    tag = get(images, "shop/cup.jpg?w=51").headers["etag"]
    images.delete("/images/shop/cup.jpg", headers=KEY)
    address = str(images.base_url).rstrip("/")
    before = Scrape(address).sum("pare_optimizations_total")
    assert get(images, "shop/cup.jpg?w=51", If_None_Match=tag).status_code == 304
    assert get(images, "shop/cup.jpg?w=52", If_None_Match="*").status_code == 304
    assert Scrape(address).sum("pare_optimizations_total") == before


def test_head_says_what_get_says(images: httpx.Client) -> None:
    own = {"date", "x-request-id", "server-timing", "cache-status"}
    for url in ("shop/cup.jpg?w=53", "a.svg", "none.jpg", "shop/cup.jpg?w=0"):
        cold = images.head(f"/images/{url}")
        answer, warm = get(images, url), images.head(f"/images/{url}")
        for head in (cold, warm):
            assert (head.status_code, head.content) == (answer.status_code, b"")
            if answer.status_code == 200:
                said = {name: value for name, value in head.headers.items() if name not in own}
                assert said == {name: value for name, value in answer.headers.items() if name not in own}
    tag = get(images, "a.svg").headers["etag"]
    assert images.head("/images/a.svg", headers={"If-None-Match": tag}).status_code == 304


def test_a_version_makes_it_immutable(images: httpx.Client) -> None:
    answer = get(images, "shop/cup.jpg?w=54&v=2026-11")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert get(images, "shop/cup.jpg?w=54&v=2").headers["cache-status"] == "pare; hit"


def test_a_drawing_is_sanitized_and_runs_nothing(images: httpx.Client) -> None:
    answer = get(images, "a.svg?w=10&format=auto", "image/avif,*/*")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert b"script" not in answer.content
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy
    assert decode(get(images, "a.svg?w=10&format=png").content).size == (10, 5)


def test_a_packed_drawing_is_unpacked_by_the_client(images: httpx.Client) -> None:
    answer = get(images, "a.svgz")
    assert answer.headers["content-type"] == "image/svg+xml" and answer.headers["content-encoding"] == "gzip"
    assert answer.content.startswith(b"<svg") and b"script" not in answer.content


@pytest.mark.parametrize("query", ["", "w=10", "format=auto", "w=9999&h=9999&dpr=8&fit=fill&format=avif", "q=auto"])
@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("bomb.png", 422, "image_limit_exceeded"),
        ("broken.jpg", 422, "undecodable_image"),
        ("text.jpg", 415, "unknown_format"),
        ("large.jpg", 413, "payload_too_large"),
    ],
)
def test_originals_that_are_refused(images: httpx.Client, path: str, status: int, code: str, query: str) -> None:
    for _ in range(2):
        answer = get(images, f"{path}?{query}", "image/webp")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["cache-control"] == "no-store" and "cache-status" not in answer.headers


def test_a_new_original_is_seen_at_once(images: httpx.Client, folder: Path) -> None:
    path = folder / "changing.jpg"
    path.write_bytes(encode(photo(seed=1), "JPEG"))
    first = get(images, "changing.jpg?w=40")
    path.write_bytes(encode(photo(seed=2), "JPEG"))
    second = get(images, "changing.jpg?w=40", If_None_Match=first.headers["etag"])
    assert second.status_code == 200 and second.content != first.content
    assert second.headers["etag"] != first.headers["etag"]
    assert second.headers["cache-tag"] == first.headers["cache-tag"]
    path.unlink()
    assert get(images, "changing.jpg?w=40").status_code == 404


def test_a_purge_takes_every_variant_and_needs_a_key(images: httpx.Client) -> None:
    url = "/images/tee%20%C3%BC.png"
    for query in ("w=10", "w=20&format=webp"):
        tag = images.get(f"{url}?{query}").headers["cache-tag"]
    assert images.delete(url).status_code == 401
    assert images.delete(url, headers={"X-API-Key": "wrong"}).status_code == 401
    names = ["format=original&q=80&w=10", "format=webp&q=80&w=20"]
    expected = {"path": "tee ü.png", "variants": names, "cache_tag": tag}
    assert images.delete(f"{url}?dry_run=true", headers=KEY).json() == {**expected, "dry_run": True}
    assert images.get(f"{url}?w=10").headers["cache-status"] == "pare; hit"
    assert images.delete(url, headers=KEY).json() == {**expected, "dry_run": False}
    assert images.delete(f"{url}?dry_run=false", headers=KEY).json() == {**expected, "dry_run": False, "variants": []}
    assert images.get(f"{url}?w=10").headers["cache-status"] == "pare; fwd=miss; stored"
    assert images.get(url).status_code == 200, "the original stays"
    assert images.delete(f"{url}?dry_run=perhaps", headers=KEY).status_code == 400
    assert images.delete("/images/%2e%2e/a", headers=KEY).status_code == 400


def test_look_ups_are_counted_by_layer(images: httpx.Client) -> None:
    address = str(images.base_url).rstrip("/")

    def counted(layer: str, result: str) -> float:
        return Scrape(address).sum("pare_cache_requests_total", layer=layer, result=result)

    names = (("memory", "hit"), ("memory", "miss"), ("bucket", "miss"))
    before = [counted(*name) for name in names]
    for _ in range(3):
        get(images, "shop/cup.jpg?w=57")
    assert [counted(*name) - start for name, start in zip(names, before, strict=True)] == [2, 1, 1]


HOSTILE = [
    "../secret.jpg",
    "..%2fsecret.jpg",
    "%2e%2e/secret.jpg",
    "%2e%2e%2fsecret.jpg",
    "%252e%252e%252fsecret.jpg",
    "..%5csecret.jpg",
    "..%c0%afsecret.jpg",
    "shop/../../secret.jpg",
    "shop/%2e%2e/%2e%2e/secret.jpg",
    "../origin-beside/a.jpg",
    "%2e%2e/origin-beside/a.jpg",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "//etc/passwd",
    "file:///etc/passwd",
    "link.jpg",
    "cup.jpg%00.png",
    "shop%00/cup.jpg",
    "shop/cup.jpg%0d%0aSet-Cookie:%20a=b",
    "shop/cup.jpg%0aX-Evil:1",
    "shop/cup.jpg%e2%80%a8",
    "shop//cup.jpg",
    "shop/./cup.jpg",
    "shop/cup.jpg/",
    "shop/cup.jpg/..",
    "shop",
    "shop/",
    "",
    ".pare/attributes/x",
    "~root/.ssh/id_rsa",
    "C:%5cwindows%5cwin.ini",
    "a" * 300,
    "%ff%fe.jpg",
    "{path}",
    "http://127.0.0.1/a.jpg",
]


@pytest.mark.parametrize("path", HOSTILE)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
def test_hostile_paths(images: httpx.Client, path: str, method: str) -> None:
    # Not by httpx, which would tidy some of them up.
    with closing(HTTPConnection(images.base_url.host, images.base_url.port or 80)) as connection:
        connection.request(method, f"/images/{path}", headers=KEY)
        answer = connection.getresponse()
        assert answer.status in ({200, 400, 404} if method == "DELETE" else {400, 404}), answer.read()
        assert answer.headers["content-type"].startswith("application/")
        assert not {"set-cookie", "x-evil"} & {name.lower() for name in answer.headers}


@pytest.mark.parametrize(
    "accept", ["", ",", ";q=", "image/", "*", "image/webp;q=-1", "ä", "x" * 8000, "image/avif;q=1e9"]
)
def test_strange_accept_headers(images: httpx.Client, accept: str) -> None:
    answer = images.get("/images/shop/cup.jpg?w=20&format=auto", headers={"Accept": accept.encode()})
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"


def test_without_an_origin_it_says_so(service: httpx.Client) -> None:
    for answer in (service.get("/images/a.jpg"), service.delete("/images/a.jpg")):
        assert answer.status_code == 503 and "retry-after" in answer.headers
        assert "ORIGIN_URL" in answer.json()["detail"]
