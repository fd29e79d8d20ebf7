"""A sanitized drawing as pixels, by librsvg; runs in an isolated worker.

Librsvg gets the document alone: without an address of its own it loads nothing from elsewhere. An animation shows its
first state.
"""

from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, tostring

from defusedxml.ElementTree import fromstring

from exceptions import UnprocessableImage
from utils.png_plain import png_of
from utils.svg_head import size_of

if TYPE_CHECKING:
    from PIL.Image import Image

DECODER = "SVG"
"""Stands where a decoder of Pillow is named, which has none for drawings."""
SMALLEST_SIDE, LARGEST_SIDE = 512, 1024
"""Pixels of the longer side at which drawings are compared: their own size within these bounds."""
MOST_BYTES = 8 << 20


def shown(data: bytes) -> "Image":
    """The drawing as it is compared, RGBA. Raises UnprocessableImage where librsvg cannot draw it."""
    width, height = size_of(data)
    longer = max(width, height)
    factor = min(max(longer, SMALLEST_SIDE), LARGEST_SIDE) / longer
    return draw(data, max(1, round(width * factor)), max(1, round(height * factor)))


def draw(data: bytes, width: int, height: int) -> "Image":
    """The drawing so many pixels large, RGBA. Raises UnprocessableImage where librsvg cannot draw it."""
    import pyvips
    from PIL import Image

    if len(data) > MOST_BYTES:
        raise UnprocessableImage(f"drawings of more than {MOST_BYTES} bytes are not rendered")
    pyvips.vips_lib.vips_concurrency_set(1)
    pyvips.cache_set_max(0)
    try:
        drawn = pyvips.Image.svgload_buffer(_sized(data, width, height))
        if (drawn.width, drawn.height) != (width, height):
            raise UnprocessableImage("the drawing was rendered at another size")
        return Image.frombytes("RGBA", (width, height), drawn.write_to_memory())
    except (pyvips.Error, SyntaxError, ValueError) as error:
        raise UnprocessableImage(f"the drawing cannot be rendered: {error}"[:200]) from error


def decode(data: bytes, decoder: str, orientation: int, animated: bool) -> dict[str, Any]:
    """The pixels of a drawing at its own size, for a conversion (`optimizers/pixels.py`)."""
    image = draw(data, *size_of(data))
    alpha = image.getchannel("A").histogram()[255] < image.width * image.height
    drawn = png_of(image if alpha else image.convert("RGB"))
    size = {"width": image.width, "height": image.height}
    return {"frames": [drawn], **size, "alpha": alpha, "icc": b"", "exif": b""}


def _sized(data: bytes, width: int, height: int) -> bytes:
    """The drawing with another size of its own, so that no renderer's notion of units or of no size matters."""
    root: Element = fromstring(data)
    if "viewBox" not in root.attrib:
        root.set("viewBox", "0 0 {} {}".format(*size_of(data)))
    root.set("width", str(width))
    root.set("height", str(height))
    return bytes(tostring(root))
