"""Pictures that name their colours by code points (ITU-T H.273) instead of a profile, brought to sRGB."""

from typing import Any

from optimizers.look import opened
from utils.png_plain import png_of

TO_BT709 = {
    9: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    12: ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979)),
}
"""Linear light of BT.2020 and of Display P3 as that of sRGB's primaries."""
PQ, HLG = 16, 18
WHITE_NITS = 203.0
"""What white is shown at where highlights are brighter (ITU-R BT.2408)."""
HLG_PEAK_NITS, HLG_GAMMA = 1000.0, 1.2
KNEE = 0.8
"""Share of white from which what is brighter is pressed together below it."""


def is_srgb(primaries: int, transfer: int) -> bool:
    """Whether a viewer shows such samples as sRGB's, as it does where a code says nothing."""
    return primaries not in TO_BT709 and transfer not in (PQ, HLG)


def to_srgb(png: bytes, primaries: int, transfer: int) -> bytes:
    """The same picture as PNG in sRGB; runs in an isolated worker."""
    import numpy as np
    from PIL import Image

    with opened(png, "PNG") as image:
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        samples = np.asarray(image.convert("RGB"), dtype=np.float32) / 255
    light = _light(samples, transfer) @ np.array(TO_BT709.get(primaries, np.eye(3)), dtype=np.float32).T
    if transfer in (PQ, HLG):
        light = np.where(light > KNEE, 1 - (1 - KNEE) * np.exp((KNEE - light) / (1 - KNEE)), light)
    light = np.clip(light, 0, 1)
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    shown = Image.fromarray((encoded * 255 + 0.5).astype(np.uint8))
    if alpha is not None:
        shown.putalpha(alpha)
    return png_of(shown)


def _light(samples: Any, transfer: int) -> Any:
    """Linear light of samples in 0-1; 1 is white."""
    import numpy as np

    if transfer == PQ:  # SMPTE ST 2084
        power = samples ** (1 / 78.84375)
        return (np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125) * (
            10000 / WHITE_NITS
        )
    if transfer == HLG:  # ARIB STD-B67, shown as BT.2100 has it
        scene = np.where(
            samples <= 0.5, samples**2 / 3, (np.exp((samples - 0.55991073) / 0.17883277) + 0.28466892) / 12
        )
        luminance = scene @ np.array((0.2627, 0.678, 0.0593), dtype=np.float32)
        return scene * luminance[..., None] ** (HLG_GAMMA - 1) * (HLG_PEAK_NITS / WHITE_NITS)
    return np.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)
