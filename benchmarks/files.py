"""The images of a folder, named by what their first bytes say."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

HEAD = 1024
MAGIC = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF8": "gif",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"BM": "bmp",
    b"8BPS": "psd",
}
BRANDS = {b"avif": "avif", b"avis": "avif", b"heic": "heic", b"heix": "heic", b"mif1": "heic", b"msf1": "heic"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of the folder; `name` is its path below the folder."""

    name: str
    format: str
    data: bytes


def samples(folder: Path, only: Collection[str] = ()) -> Iterator[Sample]:
    """Every image below the folder, in order of path; `only` names the formats wanted, none means all."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        format = format_of(data)
        if format and (not only or format in only):
            yield Sample(str(path.relative_to(folder)), format, data)


def format_of(data: bytes) -> str | None:
    """The format of the bytes, animated PNG and gzipped SVG told apart; None for what is no image."""
    for magic, format in MAGIC.items():
        if data.startswith(magic):
            return "apng" if format == "png" and _animated(data) else format
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp":
        return next((BRANDS[brand] for brand in _brands(data) if brand in BRANDS), None)
    if data[:2] == b"\x1f\x8b":
        return "svgz"
    return "svg" if b"<svg" in data[: 8 * HEAD] else None


def _animated(png: bytes) -> bool:
    return b"acTL" in png[: png.find(b"IDAT")]


def _brands(data: bytes) -> list[bytes]:
    """The major brand, then the compatible ones; the codec's own brands before the generic ones."""
    size = min(int.from_bytes(data[:4], "big"), HEAD)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, size, 4))]
    return sorted(brands, key=lambda brand: brand in (b"mif1", b"msf1"))
