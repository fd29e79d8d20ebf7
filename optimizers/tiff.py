"""TIFF: every page's samples kept exactly, at any bit depth, in smaller strips and tiles.

Camera raw files are TIFF inside. They are not taken: their pictures lie where only the maker's software looks.
"""

import hashlib
import re
from collections.abc import AsyncIterator
from typing import Any, Literal

from exceptions import UnprocessableImage
from optimizers import look, pixels, tiff_outlook
from optimizers.base import Candidate, Cleaned, FormatSpec, ImageInfo, Optimizer
from optimizers.policy import Effort, Metadata, Policy
from optimizers.samples import still
from optimizers.toolbox import Toolbox
from utils import metadata as words
from utils.iptc import lean_iptc
from utils.metadata import SERIAL_TAGS
from utils.psd_sections import lean_resources
from utils.tiff_ifd import SEGMENTS, Directory, Entry, read, read_segments
from utils.tiff_ifd import Tiff as TiffFile
from utils.tiff_layout import write

BITS_PER_SAMPLE, SAMPLES_PER_PIXEL = 258, 277
DNG_VERSION = 50706
COLOUR_FILTER_ARRAY, LINEAR_RAW = 32803, 34892
ASSOCIATED_ALPHA, STRAIGHT_ALPHA = 1, 2
IMAGE_DESCRIPTION, PHOTOSHOP, IPTC, COPYRIGHT = 270, 34377, 33723, words.COPYRIGHT_TAG
STACK_MARKS = (b"ImageJ=", b"<OME", b'{"shape"')
"""In descriptions that say how the pages of a scientific stack belong together: part of the picture."""

PERSONAL = {
    269: words.TEXT,
    271: words.EXIF,
    272: words.EXIF,
    285: words.TEXT,
    305: words.TEXT,
    306: words.TIME,
    315: words.TEXT,
    316: words.TEXT,
    700: words.XMP,
    18246: words.OTHER,
    18249: words.OTHER,
    34665: words.EXIF,
    34853: words.GPS,
    36867: words.TIME,
    36868: words.TIME,
    37500: words.MAKER_NOTES,
    37510: words.COMMENT,
    37680: words.OTHER,
    **dict.fromkeys(range(40091, 40096), words.TEXT),
    **dict.fromkeys(SERIAL_TAGS, words.SERIAL),
}
"""Tags that speak of people, places, cameras and programs, and the receipt's word for each."""

MEANING = (256, 257, 258, 262, 266, 274, 277, 284, 301, 320, 322, 323, 332, 338, 339, 342, 529, 530, 531, 532, 34675)
"""Tags without which the samples mean something else."""
CODING = (259, 278, 292, 293, 317, 347)
SLACK = 16
"""Bytes that padding alone may save."""
LEVELS = {Effort.FAST: 6, Effort.BALANCED: 8, Effort.BEST: 9}


def look_tiff(data: bytes, decoder: str, exact: bool = True) -> dict[str, Any]:
    """As `look.raster`, with every page's samples compared at full depth, also where Pillow has no mode for them.

    Past 8 bits Pillow's own pixels are left out: it reads the same samples otherwise from raw strips than from packed.
    """
    tiff = read(data)
    try:
        pages, understood = _pages_digest(data, tiff)
    except UnprocessableImage:
        return look.raster(data, decoder, exact)
    try:
        facts = look.raster(data, decoder, exact)
    except UnprocessableImage:
        if not understood:
            raise
        blank = bytes(4 * look.THUMB**2)
        facts = {"frames": len(tiff.pages), "pixels": b"", "thumbs": [blank] * len(tiff.pages), "icc": _icc(tiff)}
    shallow = all(max(tiff.numbers(page, BITS_PER_SAMPLE), default=1) <= 8 for page in tiff.pages)
    pillows = facts["pixels"] if shallow or not understood else b""
    return facts | {"pixels": hashlib.blake2b(pillows + pages, digest_size=16).digest()}


def decode_tiff(data: bytes, decoder: str, orientation: int, animated: bool) -> dict[str, Any]:
    """The pixels; of all formats, Pillow turns this one upright itself. Raises UnprocessableImage."""
    return pixels.decode(data, decoder, 1, animated)


def _icc(tiff: TiffFile) -> bytes:
    profile = tiff.pages[0].entries.get(34675)
    return hashlib.blake2b(profile.value, digest_size=8).digest() if profile else b""


def _pages_digest(data: bytes, tiff: TiffFile) -> tuple[bytes, bool]:
    """A digest of all there is to see, and whether every sample of it could be unpacked."""
    from utils.tiff_samples import grid, unpack

    read_segments(data, tiff)
    digest, understood = hashlib.blake2b(digest_size=16), True
    for page in tiff.directories:
        if not page.segments:
            continue
        _digest_tags(digest, page, MEANING)
        layout = grid(tiff, page)
        samples = digest.copy()
        try:
            if layout is None:
                raise ValueError("stored in a way of its own")
            for raw in unpack(tiff, page, layout):
                samples.update(raw)
            digest = samples
        except ValueError:
            understood = False
            _digest_tags(digest, page, CODING)
            for pieces in page.segments.values():
                for piece in pieces:
                    digest.update(piece)
    return digest.digest(), understood and all(page.segments for page in tiff.pages)


def _digest_tags(digest: Any, page: Directory, tags: tuple[int, ...]) -> None:
    for tag in tags:
        if entry := page.entries.get(tag):
            digest.update(b"%d:%d:" % (tag, len(entry.value)))
            digest.update(entry.value)


def clean_tiff(data: bytes, policy: str) -> dict[str, Any]:
    """Take the personal tags out of every page; where the file cannot be laid out anew, say what stays."""
    tiff = read(data)
    removed = dict.fromkeys(word for page in list(tiff.directories) for word in _strip(tiff, page, Metadata(policy)))
    if not _is_movable(data, tiff):
        return {"data": data, "removed": [], "kept": list(removed)}
    lean = write(tiff)
    if not removed and len(lean) + SLACK < len(data):
        removed = {words.OTHER: None}
    return {"data": lean if removed else data, "removed": list(removed), "kept": []}


def _is_movable(data: bytes, tiff: TiffFile) -> bool:
    """Slice the data out; whether that is all: ImageJ's large stacks have pages that only the description knows."""
    from utils.tiff_samples import overruns

    try:
        read_segments(data, tiff)
    except UnprocessableImage:
        return False
    description = tiff.pages[0].entries.get(IMAGE_DESCRIPTION)
    images = re.match(rb"ImageJ=[^\0]*?\bimages=(\d{1,9})", bytes(description.value[:4096])) if description else None
    hidden_pages = images is not None and int(images[1]) > len(tiff.pages)
    return not (tiff.fixed or hidden_pages or any(overruns(tiff, page) for page in tiff.directories))


def _strip(tiff: TiffFile, page: Directory, policy: Metadata) -> list[str]:
    """Remove a page's personal tags; the words for what went."""
    gone = [tag for tag in page.entries if tag in PERSONAL or (tag == COPYRIGHT and policy is Metadata.NONE)]
    found = [words.COPYRIGHT if tag == COPYRIGHT else PERSONAL[tag] for tag in gone]
    for tag in gone:
        found += _exif_words(page, tag)
        page.entries.pop(tag)
        page.children.pop(tag, None)
    description = page.entries.get(IMAGE_DESCRIPTION)
    if description and not any(mark in bytes(description.value[:4096]) for mark in STACK_MARKS):
        page.entries.pop(IMAGE_DESCRIPTION)
        found.append(words.COMMENT)
    return found + _replace_blocks(page, policy)


def _exif_words(page: Directory, tag: int) -> list[str]:
    tags = {tag for child in page.children.get(tag, ()) for tag in child.entries}
    return [words.SERIAL] * bool(tags & SERIAL_TAGS) + [words.MAKER_NOTES] * (words.MAKER_NOTE_TAG in tags)


def _replace_blocks(page: Directory, policy: Metadata) -> list[str]:
    """Reduce the blocks that hold other things beside personal ones."""
    found: list[str] = []
    keep_copyright = policy is Metadata.SAFE
    if photoshop := page.entries.get(PHOTOSHOP):
        try:
            lean, found = lean_resources(bytes(photoshop.value), keep_copyright=keep_copyright)
        except ValueError:
            lean, found = b"", [words.OTHER]
        _put(page, PHOTOSHOP, photoshop.kind, lean)
    if iptc := page.entries.get(IPTC):
        lean = lean_iptc(bytes(iptc.value), keep_copyright=keep_copyright)
        if lean != bytes(iptc.value).rstrip(b"\0"):
            found.append(words.IPTC)
            _put(page, IPTC, 7, lean)
    return found


def _put(page: Directory, tag: int, kind: int, value: bytes) -> None:
    if value:
        page.entries[tag] = Entry(kind, value)
    else:
        page.entries.pop(tag)


def repack_tiff(data: bytes, level: int) -> bytes | None:
    """Store every page's samples in fewer bytes; None where no page can be."""
    from utils.tiff_packing import repack

    tiff = read(data)
    if not _is_movable(data, tiff):
        return None
    smaller = [repack(tiff, page, level) for page in tiff.directories if page.segments]
    return write(tiff) if any(smaller) else None


class Tiff(Optimizer):
    """Lossless only: TIFF is where masters are kept."""

    spec = FormatSpec("tiff", "image/tiff", ("tif", "tiff"), decoder="TIFF", aliases=("tif",))
    on_pages = False
    look = staticmethod(look_tiff)
    decode = staticmethod(decode_tiff)
    outlook = staticmethod(tiff_outlook.outlook)
    fits = tiff_outlook.FITS

    @staticmethod
    def sample() -> bytes:
        return still("TIFF")

    def sniff(self, head: bytes) -> bool:
        """TIFF or BigTIFF, unless the head already tells a camera raw file (CR2, and DNG by its first tags)."""
        if head[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") or head[8:10] == b"CR":
            return False
        return not _is_dng(head)

    def inspect(self, data: bytes) -> ImageInfo:
        """The first page's size; `frames` is the number of pages, depth and channels are the most of any."""
        tiff = read(data)
        if any(_is_raw(tiff, directory) for directory in tiff.directories):
            raise UnprocessableImage("a camera raw file cannot be made smaller without its maker's software")
        page = tiff.pages[0]
        width, height = tiff.number(page, 256), tiff.number(page, 257)
        if not width or not height:
            raise UnprocessableImage("the TIFF has no size")
        orientation = tiff.number(page, words.ORIENTATION_TAG, 1)
        return ImageInfo(
            width,
            height,
            frames=len(tiff.pages),
            alpha=not {ASSOCIATED_ALPHA, STRAIGHT_ALPHA}.isdisjoint(tiff.numbers(page, 338)),
            bit_depth=max(max(tiff.numbers(page, BITS_PER_SAMPLE), default=1) for page in tiff.pages),
            channels=max(tiff.number(page, SAMPLES_PER_PIXEL, 1) for page in tiff.pages),
            pages=tuple(tiff.number(page, 256) * tiff.number(page, 257) for page in tiff.pages),
            metadata=sum(_notes_size(page) for page in tiff.directories),
            orientation=orientation if 1 <= orientation <= 8 else 1,
        )

    async def clean(self, data: bytes, metadata: Metadata, tools: Toolbox) -> Cleaned | None:
        """Without the personal tags of every page, and without bytes that no tag points at."""
        if metadata is Metadata.ALL:
            return Cleaned(data)
        cleaned = await tools.call(clean_tiff, data, metadata.value)
        if cleaned is None:
            return None
        return Cleaned(cleaned["data"], tuple(cleaned["removed"]), tuple(cleaned["kept"]))

    async def optimize(
        self, cleaned: bytes, info: ImageInfo, policy: Policy, tools: Toolbox
    ) -> AsyncIterator[Candidate]:
        """Deflate with the best predictor, or CCITT Group 4 where that is smaller; other codings stay as they are."""
        smaller = await tools.call(repack_tiff, cleaned, LEVELS[policy.effort])
        if smaller is not None:
            yield Candidate(smaller, "deflate", lossless=True)


def _notes_size(directory: Directory) -> int:
    """Bytes of all tags but those that say where the samples are; several tags may claim the same bytes."""
    places = {*SEGMENTS.keys(), *SEGMENTS.values()}
    return sum(len(entry.value) for tag, entry in directory.entries.items() if tag not in places)


def _is_raw(tiff: TiffFile, directory: Directory) -> bool:
    photometric = tiff.number(directory, 262)
    return DNG_VERSION in directory.entries or photometric in (COLOUR_FILTER_ARRAY, LINEAR_RAW)


def _is_dng(head: bytes) -> bool:
    """Whether the first directory lies in the head and has the DNG version."""
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    start = int.from_bytes(head[4:8], order)
    rows = head[start + 2 :]
    count = int.from_bytes(head[start : start + 2], order)
    return any(int.from_bytes(rows[at : at + 2], order) == DNG_VERSION for at in range(0, 12 * count, 12))
