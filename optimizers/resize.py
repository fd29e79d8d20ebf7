"""Pictures at another size, in isolated workers: decoded no larger than they have to be, upright, in sRGB.

By libvips, which decodes JPEG and WebP smaller than they are; what its wheel cannot read, it gets from Pillow.
"""

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

from optimizers import pixels
from optimizers.fit import LOOKING, Fit, Plan, looked_at, planned
from optimizers.vips import vips
from utils.png_plain import MOST_PLAIN
from utils.worker import resolve

HEADROOM = 2.0
"""How much larger than wished a picture is decoded at least: the decoders' own way of shrinking shows below 2."""
PLAIN = ("srgb", "b-w", "rgb16", "grey16")
"""What libvips calls samples that it makes sRGB of as Pillow does: not those of CMYK."""
TURNS = {
    2: lambda image: image.fliphor(),
    3: lambda image: image.rot180(),
    4: lambda image: image.flipver(),
    5: lambda image: image.rot90().fliphor(),
    6: lambda image: image.rot90(),
    7: lambda image: image.rot270().fliphor(),
    8: lambda image: image.rot270(),
}
"""EXIF orientation to what undoes it."""
ICC, EXIF = "icc-profile-data", "exif-data"


class Wish(NamedTuple):
    """A size, in pixels, and how it is come by."""

    width: int | None
    height: int | None
    fit: str
    linear: bool = False
    """Whether samples are mixed as light mixes: at about twice the cost."""
    sharpen: bool = False
    """Whether the edges of what gets smaller are made harder."""


class Reading(NamedTuple):
    """How a file is decoded."""

    decoder: str
    """Pillow's name."""
    decode: str
    """The function that decodes what libvips does not read, as `module:name`."""
    orientation: int = 1
    animated: bool = False


def resized(data: bytes, reading: Reading, wish: Wish, asked: Sequence[str] = ()) -> dict[str, Any]:
    """The frames of a file at another size, with all that `Pixels` holds; raises UnprocessableImage.

    What functions are `asked`, by name, of the first frame saves sending it around.
    """
    reading, wish = Reading(*reading), Wish(*wish)  # a pipe knows no types
    found = None if reading.animated else _shrunk(data, reading, wish)
    found = found or _redrawn(data, reading, wish)
    return {**found, "told": {name: resolve(name)(found["frames"][0]) for name in asked}}


def _shrunk(data: bytes, reading: Reading, wish: Wish) -> dict[str, Any] | None:
    """A still by libvips alone; None where it does not read it, or not as Pillow does."""
    load = LOADERS.get(reading.decoder)
    if load is None:
        return None
    try:
        whole = load(data, 1.0)
        if whole.interpretation not in PLAIN:
            return None
        exif = whole.get(EXIF) if whole.get_typeof(EXIF) else b""
        image, plan = _fitted(data, load, whole, reading.orientation, wish)
        drawn = _drawn(image, plan, wish)
    except vips().Error:  # let Pillow say what is wrong with it
        return None
    return _told([drawn], exif)


def _fitted(data: bytes, load: Any, whole: Any, orientation: int, wish: Wish) -> tuple[Any, Plan]:
    """The upright picture as small as will do, and what of it is drawn."""
    if wish.fit in LOOKING and wish.width and wish.height:
        image = _upright(whole.copy_memory(), orientation)
        return image, looked_at(image, wish.width, wish.height, Fit(wish.fit))
    size = (whole.height, whole.width) if orientation >= 5 else (whole.width, whole.height)
    plan = planned(*size, wish.width, wish.height, Fit(wish.fit))
    least = 1.0 if wish.linear else max(1.0, plan.reduction / HEADROOM)
    image = _upright(load(data, least), orientation)
    return image, plan.on(*size, image.width, image.height)


def _redrawn(data: bytes, reading: Reading, wish: Wish) -> dict[str, Any]:
    """The frames that Pillow decodes."""
    seen = resolve(reading.decode)(data, reading.decoder, reading.orientation, reading.animated)
    icc, frames = seen["icc"], seen["frames"]
    first, plan = _png(pixels.profiled(frames[0], icc)), None
    if wish.fit in LOOKING and wish.width and wish.height:
        plan = looked_at(first, wish.width, wish.height, Fit(wish.fit))
    plan = plan or planned(first.width, first.height, wish.width, wish.height, Fit(wish.fit))
    return _told([_drawn(_png(pixels.profiled(frame, icc)), plan, wish) for frame in frames], seen["exif"])


def _drawn(image: Any, plan: Plan, wish: Wish) -> Any:
    """The planned part in 8-bit RGB or RGBA, in memory."""
    left, top, width, height = plan.window
    if plan.ground:
        image = image.embed(-left, -top, width, height, extend="background", background=plan.ground)
    elif (width, height) != (image.width, image.height):
        image = image.crop(left, top, width, height)
    colours = {"export_profile": "srgb"} if _is_foreign(image) else {}
    how = {"size": "force", "no_rotate": True, "linear": wish.linear, **colours}
    # Premultiplied by the library itself, so that hidden colours do not bleed in.
    image = image.thumbnail_image(plan.width, height=plan.height, **how)
    image = image.colourspace("srgb").cast("uchar")
    return (image.sharpen() if wish.sharpen and plan.reduction > 1 else image).copy_memory()


def _told(frames: list[Any], exif: bytes) -> dict[str, Any]:
    alpha = any(frame.hasalpha() and frame[3].min() < 255 for frame in frames)
    pixels = sum(frame.width * frame.height for frame in frames)
    return {
        "frames": [_packed(frame, alpha, plain=pixels <= MOST_PLAIN) for frame in frames],
        "width": frames[0].width,
        "height": frames[0].height,
        "alpha": alpha,
        "icc": b"",
        "exif": exif.removeprefix(b"Exif\0\0"),
    }


def _packed(frame: Any, alpha: bool, *, plain: bool) -> bytes:
    """PNG for the next program to read."""
    shown = frame if alpha else frame.extract_band(0, n=3)
    if alpha and not frame.hasalpha():
        shown = frame.addalpha()
    return bytes(shown.pngsave_buffer(compression=0 if plain else 1, filter="none", keep="none"))


def _upright(image: Any, orientation: int) -> Any:
    return TURNS[orientation](image.copy_memory()) if orientation in TURNS else image


def _is_foreign(image: Any) -> bool:
    """Whether its samples are in another colour space than sRGB."""
    if not image.get_typeof(ICC):
        return False
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.get(ICC)))
        return not ImageCms.getProfileDescription(profile).startswith("sRGB")
    except (ImageCms.PyCMSError, OSError):
        return False


def _jpeg(data: bytes, least: float) -> Any:
    shrink = next(factor for factor in (8, 4, 2, 1) if factor <= least)
    return vips().Image.jpegload_buffer(data, shrink=shrink, access="sequential", fail_on="truncated")


def _png(data: bytes, least: float = 1.0) -> Any:
    return vips().Image.pngload_buffer(data, access="sequential", fail_on="truncated")


def _webp(data: bytes, least: float) -> Any:
    return vips().Image.webpload_buffer(data, scale=1 / least, access="sequential", fail_on="truncated")


LOADERS = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp}
"""By Pillow's names of the formats: a still, at most `least` times smaller than it is."""
