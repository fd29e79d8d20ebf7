"""What people run by hand: each tool with its usual arguments, judged on the same files in the same run."""

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.pictures import orientation
from benchmarks.programs import run
from utils.metadata import Exif, lean_exif

PNGQUANT_DECLINED = (98, 99)


class Bare(NamedTuple):
    """A tool's usual command line; `run` gives None where the tool refuses the file."""

    label: str
    run: Callable[[bytes], bytes | None]


def _jpeg(data: bytes) -> bytes | None:
    """The metadata that cjpeg copies is taken off again, the orientation put back."""
    encoded = run("cjpeg", "-quality", "80", stdin=data)
    lean = run("jpegtran", "-copy", "icc", stdin=encoded or b"") or b""
    exif = lean_exif(Exif(orientation(data)), keep_copyright=False)
    segment = b"\xff\xe1" + (len(exif) + 8).to_bytes(2, "big") + b"Exif\0\0" + exif if exif else b""
    return lean[:2] + segment + lean[2:]


def _png(data: bytes) -> bytes | None:
    import oxipng

    quantized = run("pngquant", "--quality", "65-80", "--speed", "3", "-", stdin=data, declined=PNGQUANT_DECLINED)
    smaller: bytes = oxipng.optimize_from_memory(quantized or data, level=2, strip=oxipng.StripChunks.safe())
    return smaller


def _webp(data: bytes) -> bytes | None:
    """It refuses animation with an error."""
    return run("cwebp", "-quiet", "-q", "80", "-metadata", "icc", "-o", "-", "--", "-", stdin=data, declined=(1, 255))


def _gif(data: bytes) -> bytes | None:
    return run("gifsicle", "--no-warnings", "-O3", "--lossy=80", stdin=data)


def _svg(data: bytes) -> bytes | None:
    from scour import scour

    return str(scour.scourString(data)).encode()


BARE = {
    "jpeg": Bare("cjpeg -quality 80, lean", _jpeg),
    "png": Bare("pngquant 65-80 s3 + oxipng 2", _png),
    "webp": Bare("cwebp -q 80", _webp),
    "gif": Bare("gifsicle -O3 --lossy=80", _gif),
    "svg": Bare("scour", _svg),
}
