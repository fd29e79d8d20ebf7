"""The official Python client, unchanged but for its address."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import tinify

from tests.helpers import decode, difference
from tests.storage.front import DROP, Front, running
from tests.stores import s3_client
from tests.tinify_clients.conftest import LOGO, PHOTO, seen, use_up
from tests.tinify_clients.service import Place


@pytest.fixture(autouse=True)
def client(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(tinify.Client, "API_ENDPOINT", place.url)
    monkeypatch.setattr(tinify.Client, "RETRY_DELAY", 1)
    tinify.key = "python"
    yield
    tinify.get_client().close()


def test_from_file_to_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(PHOTO)
    before = tinify.compression_count or 0
    tinify.from_file(str(tmp_path / "a.jpg")).to_file(str(tmp_path / "b.jpg"))
    made = (tmp_path / "b.jpg").read_bytes()
    assert len(made) < len(PHOTO) / 2
    assert difference(decode(made), decode(PHOTO)) < 8
    assert dict(decode(made).getexif()) == {0x0112: 6}  # it stays upright, and nothing else is told
    assert tinify.compression_count > before


def test_from_buffer_with_its_result() -> None:
    result = tinify.from_buffer(LOGO).result()
    assert (result.width, result.height) == (160, 120)
    assert (result.media_type, result.extension) == ("image/png", "png")
    assert result.size == len(result.to_buffer()) < len(LOGO)
    with io.BytesIO() as file:
        result.to_file(file)
        assert difference(seen(file.getvalue()), seen(LOGO)) < 1


def test_from_an_open_file() -> None:
    assert decode(tinify.from_file(io.BytesIO(LOGO)).to_buffer()).size == (160, 120)


def test_from_url(place: Place) -> None:
    assert difference(decode(tinify.from_url(place.picture).to_buffer()), decode(PHOTO)) < 8


@pytest.mark.parametrize(
    ("wish", "size"),
    [
        ({"method": "scale", "width": 60}, (60, 80)),
        ({"method": "scale", "height": 40}, (30, 40)),
        ({"method": "fit", "width": 100, "height": 40}, (30, 40)),
        ({"method": "cover", "width": 50, "height": 20}, (50, 20)),
        ({"method": "thumb", "width": 20, "height": 20}, (20, 20)),
        ({"method": "fit", "width": 1000, "height": 1000}, (120, 160)),
    ],
)
def test_resize(wish: dict[str, object], size: tuple[int, int]) -> None:
    result = tinify.from_buffer(PHOTO).resize(**wish).result()
    assert (result.width, result.height) == decode(result.to_buffer()).size == size


def test_convert() -> None:
    source = tinify.from_buffer(LOGO)
    assert source.convert(type="image/webp").result().media_type == "image/webp"
    several = source.convert(type=["image/webp", "image/png"]).result()
    smallest = source.convert(type="*/*").result()
    assert several.media_type in ("image/webp", "image/png")
    assert smallest.size <= several.size <= len(LOGO)
    jpeg = source.convert(type=["image/jpeg"]).transform(background="#ff0000").result()
    assert jpeg.extension == "jpeg"
    red, green, blue = decode(jpeg.to_buffer()).getpixel((2, 2))
    assert red > 240 and green < 15 and blue < 15


def test_a_background_without_another_format() -> None:
    shown = decode(tinify.from_buffer(LOGO).transform(background="black").to_buffer())
    shown = decode(tinify.from_buffer(LOGO).transform(background="black").to_buffer())
    assert max(shown.convert("RGB").getpixel((2, 2))) < 15 and not shown.has_transparency_data


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        (["copyright"], {0x8298: "(c) Ada", 0x0112: 6}),
        (["copyright", "creation"], {0x8298: "(c) Ada", "taken": "2026:11:20 10:11:12"}),
        (["location"], {"place": (52.0, 30.0, 15.0)}),
    ],
)
def test_preserve(facts: list[str], found: dict[object, object]) -> None:
    exif = decode(tinify.from_buffer(PHOTO).preserve(*facts).to_buffer()).getexif()
    named = {"taken": exif.get_ifd(0x8769).get(0x9003), "place": exif.get_ifd(0x8825).get(2)}
    rest = {tag: value for tag, value in exif.items() if tag not in (0x8769, 0x8825)}
    assert rest | {name: value for name, value in named.items() if value} == found


def test_everything_at_once() -> None:
    wish = tinify.from_buffer(PHOTO).resize(method="scale", width=60).convert(type="image/webp").preserve("location")
    made = wish.to_buffer()
    assert (decode(made).size, decode(made).format) == ((60, 80), "WEBP")
    assert decode(made).getexif().get_ifd(0x8825)[2] == (52.0, 30.0, 15.0)


def test_store(s3_url: str) -> None:
    stored = tinify.from_buffer(LOGO).resize(method="scale", width=80).store(
        service="s3",
        aws_access_key_id="not used",
        aws_secret_access_key="not used",
        region="us-west-1",
        headers={"Cache-Control": "public, max-age=31536000"},
        path="pictures/logos/small.png",
    )  # fmt: skip
    assert (stored.width, stored.height) == (80, 60)
    assert stored.location == f"{s3_url}/pictures/logos/small.png"
    with s3_client(s3_url) as client:
        found = client.get_object(Bucket="pictures", Key="logos/small.png")
        assert (found["ContentType"], found["CacheControl"]) == ("image/png", "public, max-age=31536000")
        assert decode(found["Body"].read()).size == (80, 60)


def test_store_at_google(gcs_front: Front) -> None:
    stored = tinify.from_buffer(LOGO).store(service="gcs", gcp_access_token="not used", path="drawings/a/logo.png")
    assert stored.location == f"{gcs_front.url}/drawings/a/logo.png"
    found = httpx.get(f"{gcs_front.url}/storage/v1/b/drawings/o/a%2Flogo.png?alt=media", trust_env=False)
    assert seen(found.content).size == (160, 120)


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"service": "s3", "path": "foreign/a.png"}, 403),
        ({"service": "gcs", "gcp_access_token": "t", "path": "pictures/a.png"}, 403),
        ({"service": "s3", "path": "pictures/../a.png"}, 400),
        ({"service": "s3", "path": "pictures"}, 400),
        ({"service": "s3", "path": "pictures/a", "headers": {"X": "y"}}, 400),
        ({"service": "azure", "path": "pictures/a"}, 400),
    ],
)
def test_where_nothing_is_stored(wish: dict[str, object], status: int) -> None:
    with pytest.raises(tinify.ClientError) as refusal:
        tinify.from_buffer(LOGO).store(**wish)
    assert refusal.value.status == status


def test_validate() -> None:
    assert tinify.validate()
    tinify.key = "wrong"
    with pytest.raises(tinify.AccountError) as refusal:
        tinify.validate()
    assert (refusal.value.status, refusal.value.kind) == (401, "Unauthorized")


def test_too_many_requests(place: Place) -> None:
    last = use_up(place, "spent")
    assert last.status_code == 429 and int(last.headers["retry-after"]) > 0
    tinify.key = "spent"
    with pytest.raises(tinify.AccountError) as refusal:
        tinify.from_buffer(LOGO)
    assert (refusal.value.status, refusal.value.kind) == (429, "TooManyRequests")


def resize(**wish: object) -> Callable[[], object]:
    return lambda: tinify.from_buffer(LOGO).resize(**wish).result()


@pytest.mark.parametrize(
    ("ask", "status", "kind"),
    [
        (lambda: tinify.from_buffer(b"no picture"), 415, "Unsupported media type"),
        (lambda: tinify.from_buffer(LOGO[:100]), 422, "UndecodableImage"),
        (lambda: tinify.from_url("http://127.0.0.1/a.png"), 422, "UrlRefused"),
        (resize(method="scale", width=10, height=10), 400, "InvalidOptions"),
        (resize(method="cover", width=10), 400, "InvalidOptions"),
        (resize(method="crop", width=10), 400, "InvalidOptions"),
        (lambda: tinify.from_buffer(LOGO).convert(type="image/bmp").result(), 400, "InvalidOptions"),
        (lambda: tinify.Source("/output/unknown").result(), 404, "ObjectMissing"),
    ],
)
def test_client_errors(ask: Callable[[], object], status: int, kind: str) -> None:
    with pytest.raises(tinify.ClientError) as refusal:
        ask()
    assert (refusal.value.status, refusal.value.kind) == (status, kind)


def test_server_errors_are_tried_again(place: Place) -> None:
    with running(Front(place.url)) as front:
        tinify.Client.API_ENDPOINT = front.url
        front.fail(503)
        assert tinify.from_buffer(LOGO).url.startswith("/output/")
        front.fail(503, 503)
        with pytest.raises(tinify.ServerError):
            tinify.from_buffer(LOGO)
        front.fail(DROP, DROP)
        with pytest.raises(tinify.ConnectionError):
            tinify.from_buffer(LOGO)
