"""Pixels as a GIF: each frame gets the palette that pngquant finds for it."""

import struct

from optimizers.base import Pixels
from optimizers.toolbox import Toolbox
from utils.gif_blocks import APPLICATION, GRAPHIC_CONTROL, LOOP_NAMES, Block, Gif, Screen, controls, extension, parse


async def write(pixels: Pixels, tools: Toolbox) -> Gif | None:
    """Every frame whole and on a clear canvas; None when a tool failed."""
    few = [await tools.run("pngquant", "256", "--speed=4", "-", stdin=frame) for frame in pixels.frames]
    stills = await tools.call(to_gif, [frame for frame in few if frame])
    return _film([parse(still) for still in stills], pixels) if stills and all(few) else None


def to_gif(frames: list[bytes]) -> list[bytes]:
    """Indexed PNG frames as stills of the same indices; runs in an isolated worker."""
    import io

    from optimizers.look import opened

    stills = []
    for png in frames:
        with opened(png, "PNG") as image:
            out = io.BytesIO()
            opacities = image.info.pop("transparency", -1)
            clear = opacities.find(0) if isinstance(opacities, bytes) else opacities
            image.save(out, "GIF", **({"transparency": clear} if clear >= 0 else {}))
        stills.append(out.getvalue())
    return stills


def _film(stills: list[Gif], pixels: Pixels) -> Gif:
    blocks: list[Block] = []
    if pixels.loop != 1:  # what does not say plays once; what does, once more than it says, or for ever
        repeats = max(0, (pixels.loop or 0) - 1)
        blocks.append(extension(APPLICATION, LOOP_NAMES[0], b"\1" + repeats.to_bytes(2, "little")))
    for still, milliseconds in zip(stills, pixels.durations or (0,) * len(stills), strict=True):
        clear = next(controls(still.blocks)).transparent
        flags = (2 if pixels.alpha else 1) << 2 | (clear is not None)
        blocks.append(extension(GRAPHIC_CONTROL, struct.pack("<BHB", flags, round(milliseconds / 10), clear or 0)))
        blocks.append(still.images[0].with_palette(still.screen.palette))
    first = stills[0].screen
    head = b"GIF89a" + first.head[6:10] + bytes([first.head[10] & 0x70, *first.head[11:13]])
    return Gif(Screen(head, first.width, first.height), tuple(blocks))
