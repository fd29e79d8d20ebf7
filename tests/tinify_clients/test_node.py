"""The official Node client, unchanged but for its address and whom it trusts."""

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import decode, difference
from tests.tinify_clients.conftest import LOGO, PHOTO, seen, use_up
from tests.tinify_clients.service import Place

HERE = Path(__file__).parent
CLIENT = HERE / "node_modules" / "tinify" / "package.json"


@pytest.fixture(scope="module")
def found(place: Place, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the client was told, all in one run of Node."""
    assert CLIENT.exists(), "scripts/node-packages.sh installs the client (make setup)"
    folder = tmp_path_factory.mktemp("node")
    (folder / "photo.jpg").write_bytes(PHOTO)
    (folder / "logo.png").write_bytes(LOGO)
    use_up(place, "spent")
    env = {
        "PATH": os.environ["PATH"],
        "API": place.tls_url,
        "AUTHORITY": str(place.authority),
        "PICTURE": place.picture,
        "FOLDER": str(folder),
    }
    argv = ["node", "round_trip.cjs"]
    done = subprocess.run(argv, cwd=HERE, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "file": (folder / "made.jpg").read_bytes()}


def image(told: dict[str, Any]) -> bytes:
    """The bytes that came, which are what was said of them."""
    data = base64.b64decode(told["image"])
    assert told["size"] == told["bytes"] == len(data)
    assert told["type"] == f"image/{told['extension']}"
    return data


def test_pictures_come_back_smaller(found: dict[str, Any]) -> None:
    assert len(found["file"]) < len(PHOTO) / 2
    assert difference(decode(found["file"]), decode(PHOTO)) < 8
    assert image(found["url"]) == found["file"]
    logo = image(found["buffer"])
    assert len(logo) < len(LOGO) and difference(seen(logo), seen(LOGO)) < 1


@pytest.mark.parametrize(
    ("name", "size"), [("scale", (60, 80)), ("fit", (30, 40)), ("cover", (50, 20)), ("thumb", (20, 20))]
)
def test_sizes(found: dict[str, Any], name: str, size: tuple[int, int]) -> None:
    told = found[name]
    assert (told["width"], told["height"]) == decode(image(told)).size == size


def test_formats(found: dict[str, Any]) -> None:
    assert decode(image(found["one"])).format == "WEBP"
    assert found["several"]["type"] in ("image/webp", "image/png")
    assert found["any"]["bytes"] <= found["several"]["bytes"] <= len(PHOTO)
    red, green, blue = decode(image(found["flat"])).getpixel((2, 2))
    assert found["flat"]["type"] == "image/jpeg" and red > 240 and green < 15 and blue < 15


def test_facts(found: dict[str, Any]) -> None:
    exif = decode(image(found["kept"])).getexif()
    assert exif[0x8298] == "(c) Ada"
    assert exif.get_ifd(0x8769)[0x9003] == "2026:11:20 10:11:12"
    assert exif.get_ifd(0x8825)[2] == (52.0, 30.0, 15.0)


def test_a_result_is_stored(found: dict[str, Any], s3_url: str) -> None:
    location = f"{s3_url}/pictures/node/photo.jpg"
    assert found["stored"] == {"location": location, "width": 60, "height": 80}


def test_counts_and_keys(found: dict[str, Any]) -> None:
    assert found["count"] >= 10
    assert found["valid"]


@pytest.mark.parametrize(
    ("what", "kind", "status", "word"),
    [
        ("file", "ClientError", 415, "Unsupported media type"),
        ("wish", "ClientError", 400, "InvalidOptions"),
        ("bucket", "ClientError", 403, "BucketRefused"),
        ("often", "AccountError", 429, "TooManyRequests"),
        ("key", "AccountError", 401, "Unauthorized"),
        ("authority", "ConnectionError", None, "certificate"),
    ],
)
def test_refusals(found: dict[str, Any], what: str, kind: str, status: int | None, word: str) -> None:
    was_kind, was_status, message = found["refused"][what]
    assert (was_kind, was_status) == (kind, status) and word in message
