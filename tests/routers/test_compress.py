"""POST /compress as its clients use it: any image in, a JPEG or the address of one out."""

import json
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image, ImageCms

from optimizers.router import FORMATS
from tests.conftest import start_service
from tests.helpers import decode, difference, encode, graphic, photo

PNG = encode(graphic(), "PNG")
CLEAR = encode(Image.new("RGBA", (16, 16), (255, 0, 0, 0)), "PNG")
HALF = encode(Image.new("RGBA", (16, 16), (0, 0, 0, 128)), "PNG")
PIXELS = [optimizer for optimizer in FORMATS if optimizer.spec.decoder]


def compress(service: httpx.Client, data: bytes, quality: str | None = None, **query: str) -> httpx.Response:
    headers = {} if quality is None else {"X-Compression-Quality": quality}
    return service.post("/compress", content=data, params=query, headers=headers)


@pytest.mark.parametrize("optimizer", PIXELS, ids=lambda o: o.spec.name)
def test_every_readable_format_becomes_a_jpeg(service: httpx.Client, optimizer) -> None:
    answer = compress(service, optimizer.sample())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg"), answer.text
    assert decode(answer.content).format == "JPEG"


def test_quality_and_facts(service: httpx.Client) -> None:
    low, high, usual = (compress(service, PNG, quality) for quality in ("30", "95", None))
    assert len(low.content) < len(usual.content) < len(high.content)
    assert [answer.headers["x-quality-used"] for answer in (low, high, usual)] == ["30", "95", "80"]
    assert high.headers["x-original-format"] == "png"
    assert high.headers["content-disposition"].startswith('inline; filename="image.jpg"')
    assert difference(decode(PNG), decode(high.content)) < 3


@pytest.mark.parametrize("quality", ["0", "101", "auto", "80.5", "-1", "", "8_0", "eighty", "80, 70"])
def test_a_wrong_quality_is_named(service: httpx.Client, quality: str) -> None:
    answer = compress(service, PNG, quality)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_options")
    assert answer.json()["errors"][0]["pointer"] == "/X-Compression-Quality"


@pytest.mark.parametrize(
    ("background", "colour"),
    [(None, (255, 255, 255)), ("#00f", (0, 0, 255)), ("#0080FF", (0, 128, 255))],
)
def test_what_is_clear_shows_the_background(service: httpx.Client, background: str | None, colour) -> None:
    answer = compress(service, CLEAR, "95", **({"background": background} if background else {}))
    seen = decode(answer.content).convert("RGB").getpixel((8, 8))
    assert max(abs(a - b) for a, b in zip(seen, colour, strict=True)) <= 4


def test_light_mixes_as_light(service: httpx.Client) -> None:
    level = decode(compress(service, HALF, "95").content).convert("L").getpixel((8, 8))
    assert abs(level - 188) <= 3, "half of the light of white; half of its number would be 127"


@pytest.mark.parametrize("background", ["white", "#12", "#1234", "fff", "#ggg", "#fff\n", ""])
def test_a_wrong_background_is_named(service: httpx.Client, background: str) -> None:
    answer = compress(service, CLEAR, background=background)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/background")


def test_the_picture_stands_upright(service: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    answer = compress(service, encode(photo(80, 40), "TIFF", exif=exif), "90")
    assert answer.status_code == 200
    upright = photo(80, 40).transpose(Image.Transpose.ROTATE_270)
    assert difference(upright, decode(answer.content)) < 8


def test_the_colour_profile_goes_along(service: httpx.Client) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    answer = compress(service, encode(photo(), "PNG", icc_profile=profile))
    assert decode(answer.content).info["icc_profile"] == profile


@pytest.mark.parametrize(
    ("data", "status"), [(b"", 400), (b"no image", 415), (PNG[:60], 422)], ids=["empty", "text", "cut"]
)
def test_what_is_no_image(service: httpx.Client, data: bytes, status: int) -> None:
    assert compress(service, data).status_code == status
    assert service.post("/compress", files={"image": data}).status_code == status


def test_unknown_options(service: httpx.Client) -> None:
    assert compress(service, PNG, width="100").status_code == 400
    assert service.post("/compress?background=%23fff&background=%23000", content=PNG).status_code == 400
    assert service.post("/compress?background=%23fff", files={"image": PNG}).status_code == 400
    assert service.post("/compress", files={"file": PNG}).status_code == 400
    assert service.post("/compress", files={"image": PNG}, data={"width": "1"}).status_code == 400


def test_a_form_is_stored(service: httpx.Client) -> None:
    answer = service.post(
        "/compress",
        files={"image": ("Café.png", CLEAR)},
        data={"background": "#00ff00"},
        headers={"X-Compression-Quality": "95"},
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    receipt = answer.json()
    assert (receipt["original_format"], receipt["optimized_format"]) == ("png", "jpeg")
    assert receipt["quality_used"] == 95
    assert receipt["url"] == receipt["storage"]["url"] and "image" not in receipt
    stored = service.get(receipt["url"])
    assert (stored.status_code, stored.headers["content-type"]) == (200, "image/jpeg")
    assert len(stored.content) == receipt["optimized_size"]
    red, green, blue = decode(stored.content).convert("RGB").getpixel((8, 8))
    assert green > 250 > 10 > max(red, blue)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    process, address = start_service(tmp_path_factory.mktemp("keyed"), API_KEY="k1", MAX_FILE_SIZE_MB="1")
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        yield client
    process.terminate()
    assert process.wait(timeout=40) == 0


def test_strangers_compress_and_a_wrong_key_does_not(keyed: httpx.Client) -> None:
    assert compress(keyed, PNG).status_code == 200
    assert keyed.post("/compress", files={"image": PNG}).status_code == 200
    assert keyed.post("/compress", files={"image": PNG}, headers={"X-API-Key": "k1"}).status_code == 200
    assert keyed.post("/compress", content=PNG, headers={"X-API-Key": "no"}).status_code == 401


def test_the_guards_of_optimize_stand_here_too(keyed: httpx.Client) -> None:
    answer = compress(keyed, bytes((1 << 20) + 1))
    assert (answer.status_code, answer.json()["limit"]) == (413, 1 << 20)
    assert json.loads(answer.content)["code"] == "payload_too_large"


def test_a_drawing_becomes_pixels(service: httpx.Client) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><path d="M0 0h90v60z" fill="#f00"/></svg>'
    answer = compress(service, svg)
    assert answer.status_code == 200 and decode(answer.content).size == (90, 60)
