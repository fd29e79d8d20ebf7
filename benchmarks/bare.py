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


def jpeg(data: bytes, quality: int = 80) -> bytes | None:
    """The metadata that cjpeg copies is taken off again, the orientation put back."""
    encoded = run("cjpeg", "-quality", str(quality), stdin=data)
    lean = run("jpegtran", "-copy", "icc", stdin=encoded or b"") or b""
    exif = lean_exif(Exif(orientation(data)), keep_copyright=False)
    segment = b"\xff\xe1" + (len(exif) + 8).to_bytes(2, "big") + b"Exif\0\0" + exif if exif else b""
    return lean[:2] + segment + lean[2:]


def png(data: bytes, quality: str = "65-80") -> bytes | None:
    """A palette where pngquant finds a good enough one, then oxipng."""
    args = ("--quality", quality, "--speed", "3", "-")
    return png_exact(run("pngquant", *args, stdin=data, declined=PNGQUANT_DECLINED) or data)


def png_exact(data: bytes) -> bytes:
    """The same pixels."""
    import oxipng

    smaller: bytes = oxipng.optimize_from_memory(data, level=2, strip=oxipng.StripChunks.safe())
    return smaller


def webp(data: bytes, quality: int = 80) -> bytes | None:
    """It refuses animation with an error."""
    args = ("-quiet", "-q", str(quality), "-metadata", "icc", "-o", "-", "--", "-")
    return run("cwebp", *args, stdin=data, declined=(1, 255))


def gif(data: bytes, lossiness: int = 80) -> bytes | None:
    """Lossiness 0 keeps every pixel."""
    lossy = (f"--lossy={lossiness}",) if lossiness else ()
    return run("gifsicle", "--no-warnings", "-O3", *lossy, stdin=data)


def _svg(data: bytes) -> bytes | None:
    from scour import scour

    return str(scour.scourString(data)).encode()


BARE = {
    "jpeg": Bare("cjpeg -quality 80, lean", jpeg),
    "png": Bare("pngquant 65-80 s3 + oxipng 2", png),
    "webp": Bare("cwebp -q 80", webp),
    "gif": Bare("gifsicle -O3 --lossy=80", gif),
    "svg": Bare("scour", _svg),
}
