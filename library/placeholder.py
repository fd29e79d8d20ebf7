"""A blurred preview in some 30 bytes, in the layout that is known as ThumbHash: a few cosines of each channel."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

SIDE = 100
"""Pixels that the picture's longer side may have at most."""


def placeholder(rgba: "np.ndarray[Any, Any]") -> bytes:
    """The preview of an RGBA picture, 8 bits a channel, height × width × 4."""
    import numpy as np

    height, width = rgba.shape[:2]
    alpha = rgba[..., 3] / 255
    total = float(alpha.sum())
    mean = (rgba[..., :3] / 255 * alpha[..., None]).sum(axis=(0, 1)) / max(total, 1e-9)
    rgb = mean * (1 - alpha[..., None]) + rgba[..., :3] / 255 * alpha[..., None]
    red, green, blue = np.moveaxis(rgb, -1, 0)
    has_alpha, longer = bool(total < width * height), max(width, height)
    limit = 5 if has_alpha else 7
    across, down = max(1, _round(limit * width / longer)), max(1, _round(limit * height / longer))
    light = _channel((red + green + blue) / 3, max(3, across), max(3, down))
    yellow, reddish = _channel((red + green) / 2 - blue, 3, 3), _channel(red - green, 3, 3)
    shown = [light, yellow, reddish] + ([_channel(alpha, 5, 5)] if has_alpha else [])
    first = _round(63 * light[0]) | _round(31.5 + 31.5 * yellow[0]) << 6 | _round(31.5 + 31.5 * reddish[0]) << 12
    first |= _round(31 * light[2]) << 18 | has_alpha << 23
    second = (down if width > height else across) | _round(63 * yellow[2]) << 3 | _round(63 * reddish[2]) << 9
    second |= (width > height) << 15
    head: bytes = first.to_bytes(3, "little") + second.to_bytes(2, "little")
    if has_alpha:
        head += bytes([_round(15 * shown[3][0]) | _round(15 * shown[3][2]) << 4])
    nibbles: list[int] = [_round(15 * value) for channel in shown for value in channel[1]]
    nibbles += [0] * (len(nibbles) % 2)
    return head + bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def _channel(values: Any, across: int, down: int) -> tuple[float, list[float], float]:
    """A channel's mean, its other cosines scaled into 0-1, and that scale."""
    import numpy as np

    height, width = values.shape
    columns = np.cos(np.pi / width * np.outer(np.arange(across), np.arange(width) + 0.5))
    rows = np.cos(np.pi / height * np.outer(np.arange(down), np.arange(height) + 0.5))
    waves = rows @ values @ columns.T / (width * height)
    kept = [
        float(waves[y, x]) for y in range(down) for x in range(across) if (x or y) and x * down < across * (down - y)
    ]
    scale = max(map(abs, kept))
    return float(waves[0, 0]), [0.5 + 0.5 / scale * value if scale else 0.0 for value in kept], scale


def _round(value: float) -> int:
    return int(value + 0.5)
