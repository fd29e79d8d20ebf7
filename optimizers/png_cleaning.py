"""Which chunks of a PNG stay beside the picture, by the metadata policy."""

from optimizers.policy import Metadata
from utils import metadata as words
from utils.metadata import lean_exif, parse_exif
from utils.png_chunks import Chunk
from utils.png_graft import COLOUR, PIXELS

ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
PICTURE = PIXELS | COLOUR | ANIMATION | {b"bKGD", b"pHYs", b"sTER", b"npTc", b"npLb", b"npOl"}
"""Chunks that the picture needs to look the same (the last three stretch Android's nine-patches)."""
TEXT = {b"tEXt", b"zTXt", b"iTXt"}
TEXT_WORDS = {
    b"xml:com.adobe.xmp": words.XMP,
    b"raw profile type xmp": words.XMP,
    b"raw profile type exif": words.EXIF,
    b"raw profile type app1": words.EXIF,
    b"raw profile type iptc": words.IPTC,
    b"comment": words.COMMENT,
    b"copyright": words.COPYRIGHT,
}


def read_exif(data: bytes) -> words.Exif:
    """An eXIf chunk read; some writers put JPEG's prefix before it."""
    return parse_exif(data.removeprefix(b"Exif\0\0"))


def cleaned_chunk(chunk: Chunk, metadata: Metadata) -> tuple[list[Chunk], list[str]]:
    """What stays of one chunk, and the receipt's words for what went."""
    if not chunk.intact and chunk.type not in ANIMATION:
        return [], [words.OTHER]
    if metadata is Metadata.ALL or chunk.type in PICTURE:
        return [chunk], []
    if chunk.type == b"eXIf":
        return _cleaned_exif(chunk, metadata)
    word = _word(chunk)
    stays = word == words.COPYRIGHT and metadata is Metadata.SAFE
    return ([chunk], []) if stays else ([], [word])


def _cleaned_exif(chunk: Chunk, metadata: Metadata) -> tuple[list[Chunk], list[str]]:
    exif = read_exif(chunk.data)
    keep_copyright = metadata is Metadata.SAFE
    lean = lean_exif(exif, keep_copyright=keep_copyright)
    if lean == chunk.data:
        return [chunk], []
    gone = [*exif.words] + ([words.COPYRIGHT] if exif.copyright and not keep_copyright else [])
    return [Chunk(b"eXIf", lean)] if lean else [], gone


def _word(chunk: Chunk) -> str:
    """The receipt's word for a chunk beside the picture."""
    if chunk.type in TEXT:
        keyword = chunk.data[:80].split(b"\0")[0].strip().lower()
        return TEXT_WORDS.get(keyword, words.TEXT)
    return words.TIME if chunk.type == b"tIME" else words.OTHER
