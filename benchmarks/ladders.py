"""What people run instead, each at a ladder of its own qualities: bare tools, and peers where they are installed."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from subprocess import CalledProcessError

from PIL import Image, ImageOps

from benchmarks import bare
from benchmarks.programs import run

PERCENT = (20, 35, 50, 60, 70, 80, 88, 94, 98)
AVIF_PERCENT = (25, 40, 55, 65, 75, 85, 93)
PALETTE_PERCENT = (5, 20, 40, 60, 70, 80, 90, 100)
LOSSINESS = (200, 140, 100, 80, 60, 40, 25, 15, 8)
SHARP_OPTIONS: dict[str, dict[str, bool]] = {
    "jpeg": {"mozjpeg": True},
    "webp": {},
    "avif": {},
    "png": {"palette": True},
}
SHARP = """
const [format, options] = process.argv.slice(1);
const parts = [];
process.stdin.on("data", part => parts.push(part)).on("end", async () => {
  const image = require("sharp")(Buffer.concat(parts)).rotate().keepIccProfile();
  process.stdout.write(await image[format](JSON.parse(options)).toBuffer());
});
"""


@dataclass(frozen=True, slots=True)
class Tool:
    """One way to write a format: `encode` gives None where it refuses the file."""

    label: str
    settings: str
    rungs: tuple[int, ...]
    encode: Callable[[bytes, int], bytes | None]
    exact: Callable[[bytes], bytes | None] | None = None
    """Without loss, where that is a step of the same ladder."""


def usual() -> dict[str, Tool]:
    """The bare tool of each format that has one."""
    return {
        "jpeg": Tool("MozJPEG", "cjpeg -quality N, metadata taken off", PERCENT, bare.jpeg),
        "png": Tool(
            "pngquant + oxipng",
            "pngquant --quality 0-N --speed 3, oxipng 2",
            PALETTE_PERCENT,
            lambda data, dial: bare.png(data, f"0-{dial}"),
            bare.png_exact,
        ),
        "webp": Tool("cwebp", "cwebp -q N -metadata icc", PERCENT, bare.webp),
        "gif": Tool("gifsicle", "gifsicle -O3 --lossy=N", LOSSINESS, bare.gif, partial(bare.gif, lossiness=0)),
    }


@cache
def peers() -> dict[str, list[Tool]]:
    """Libraries and plugins with their defaults, as far as they are here."""
    found: dict[str, list[Tool]] = {"png": [_imagemin_pngquant()]}
    for format, options in PILLOW.items():
        found.setdefault(format, []).append(_pillow(format, options))
    for format in LIBVIPS:
        found.setdefault(format, []).append(_libvips(format))
    if sharp_version():
        for format in SHARP_OPTIONS:
            found.setdefault(format, []).append(_sharp(format))
    return found


@cache
def sharp_version() -> str | None:
    """None where node or sharp is missing; NODE_PATH says where sharp lies."""
    try:
        said = run("node", "-p", "require('sharp').versions.sharp", stdin=b"")
    except (FileNotFoundError, CalledProcessError):
        return None
    return (said or b"").decode().strip()


PILLOW: dict[str, dict[str, bool]] = {"jpeg": {"optimize": True, "progressive": True}, "webp": {}, "avif": {}}
"""No PNG: its palettes of 256 colours score under 70 on most pictures, too little to compare."""


def _pillow(format: str, options: dict[str, bool]) -> Tool:
    words = "".join(f", {name}=True" for name in options)
    rungs = AVIF_PERCENT if format == "avif" else PERCENT
    return Tool("Pillow, as thumbor", f"quality=N{words}", rungs, partial(_saved, format, options))


def _saved(format: str, options: dict[str, bool], data: bytes, dial: int) -> bytes | None:
    """Upright and with its profile; a mode that the format cannot hold is refused."""
    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(data)) as image:
            if getattr(image, "n_frames", 1) > 1:
                return None
            shown, icc = ImageOps.exif_transpose(image), image.info.get("icc_profile")
        shown.save(out, format, quality=dial, icc_profile=icc, **options)
    except (OSError, ValueError):
        return None
    return out.getvalue()


LIBVIPS: dict[str, tuple[str, dict[str, bool]]] = {"jpeg": (".jpg", {"optimize_coding": True}), "webp": (".webp", {})}
"""What imgproxy, imagor and imaginary write with; each has a quality of its own by default."""


def _libvips(format: str) -> Tool:
    suffix, options = LIBVIPS[format]
    words = "".join(f", {name}" for name in options)
    label = "libvips, as imgproxy, imagor, imaginary"
    return Tool(label, f"{format}save Q=N{words}", PERCENT, partial(_vips_saved, suffix, options))


def _vips_saved(suffix: str, options: dict[str, bool], data: bytes, dial: int) -> bytes | None:
    """Upright and with its profile; what moves is refused."""
    import pyvips

    try:
        image = pyvips.Image.new_from_buffer(data, "")
        if image.get_typeof("n-pages") and image.get("n-pages") > 1:
            return None
        made: bytes = image.autorot().write_to_buffer(suffix, Q=dial, keep="icc", **options)
    except pyvips.Error:
        return None
    return made


def _sharp(format: str) -> Tool:
    def encode(data: bytes, dial: int) -> bytes | None:
        options = json.dumps({"quality": dial, **SHARP_OPTIONS[format]})
        return run("node", "-e", SHARP, format, options, stdin=data, declined=(1,))

    rungs = {"avif": AVIF_PERCENT, "png": PALETTE_PERCENT}.get(format, PERCENT)
    words = "".join(f", {name}: true" for name in SHARP_OPTIONS[format])
    return Tool("sharp", f"{format}({{quality: N{words}}})", rungs, encode)


def _imagemin_pngquant() -> Tool:
    """The plugin is a wrapper of the program: its arguments are run bare."""

    def encode(data: bytes, dial: int) -> bytes | None:
        return run("pngquant", "--speed", "4", "--quality", f"0-{dial}", "-", stdin=data,
                   declined=bare.PNGQUANT_DECLINED)  # fmt: skip

    return Tool("imagemin-pngquant", "pngquant --speed 4 --quality 0-N", PALETTE_PERCENT, encode)
