"""How near to its original a result looks: SSIMULACRA2 of what a viewer shows, taken in an isolated worker."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exceptions import UnprocessableImage

if TYPE_CHECKING:
    from PIL.Image import Image

    from optimizers.ssimulacra2 import Judge, Pixels

GROUNDS = (230, 26)
"""What shows through transparency: nine tenths and one tenth of white, as the metric's author has it."""
WHOLE = 40_000_000
"""Pixels past which a picture is sampled even where all of it is asked for."""
KEPT = 1_500_000
"""Pixels looked at up to which the original's half of the work is kept for the next candidate: 45 MB."""
STRIP = 1 << 18
"""Pixels composed at a time."""
REMEMBERED = 16_000_000
"""Pixels of a decoded original up to which it is kept for the next call: 48 MB."""


def scores(
    original: bytes, decoder: str, candidates: Sequence[bytes], candidate_decoder: str, budget: int
) -> list[float]:
    """The score of each candidate, at most 100: that of its worst sampled frame, on a light and on a dark ground.

    At most about `budget` pixels are looked at, the same in all; 0 is the whole picture.
    Raises UnprocessableImage for files that cannot be decoded, or that differ from the original in size or frames.
    """
    known = _known(original, decoder, min(budget or WHOLE, WHOLE))
    return [known.score(candidate, candidate_decoder) for candidate in candidates]


@dataclass(frozen=True, slots=True)
class _Original:
    """The original's half of the work."""

    key: tuple[bytes, str, int]
    count: int
    frames: "list[_Frame]"

    @property
    def pixels(self) -> int:
        """What has to be held in memory: the pictures, and what was worked out of their parts."""
        return sum(frame.pixels for frame in self.frames)

    def score(self, candidate: bytes, decoder: str) -> float:
        from optimizers.displayed import frames

        worst = 100.0
        for index, (count, image) in enumerate(frames(candidate, decoder)):
            if count != self.count:
                raise UnprocessableImage(f"{self.count} frames became {count}: there is no score")
            worst = min(worst, self.frames[index].score(image))
        return worst


class _Frame:
    """A frame of the original as its judges, one for each ground that it needs."""

    def __init__(self, image: "Image", budget: int, kept: int) -> None:
        from optimizers.ssimulacra2 import Judge
        from optimizers.tiles import sample

        self._size = image.size
        boxes, coarse = sample(image, budget)
        picture = _pixels(image)
        self.pixels = int(picture.size // 3)
        # Of a sampled picture what was worked out is far less than the picture itself.
        keep = bool(boxes) or image.width * image.height <= kept
        grounds = GROUNDS if _is_transparent(picture) else GROUNDS[:1]
        self._judges = {ground: Judge(_over(picture, ground), boxes, coarse, keep=keep) for ground in grounds}

    def score(self, image: "Image") -> float:
        """The score of a candidate's frame. Raises UnprocessableImage if it has another size."""
        if image.size != self._size:
            raise UnprocessableImage("{}×{} became {}×{}: there is no score".format(*self._size, *image.size))
        picture = _pixels(image)
        grounds = GROUNDS if _is_transparent(picture) else tuple(self._judges)
        return min(self._judge(ground).score(_over(picture, ground)) for ground in grounds)

    def _judge(self, ground: int) -> "Judge":
        """What is not transparent looks the same on all grounds."""
        return self._judges.get(ground) or self._judges[GROUNDS[0]]


_last: _Original | None = None


def _known(original: bytes, decoder: str, budget: int) -> _Original:
    """Decoded and looked at once: a search asks again with its next candidates."""
    global _last
    key = (hashlib.sha256(original).digest(), decoder, budget)
    if _last is not None and _last.key == key:
        return _last
    _last = None  # first, so that there is never more than one in memory
    known = _decoded(original, decoder, key)
    if known.pixels <= REMEMBERED:
        _last = known
    return known


def _decoded(original: bytes, decoder: str, key: tuple[bytes, str, int]) -> _Original:
    from optimizers.displayed import FRAMES, frames

    found: list[_Frame] = []
    for count, image in frames(original, decoder):
        share = min(count, FRAMES)
        found.append(_Frame(image, key[2] // share, KEPT // share))
    return _Original(key, count, found)


def _pixels(image: "Image") -> "Pixels":
    """RGB or RGBA in sRGB. What is smaller than the metric's window is enlarged."""
    from optimizers.displayed import srgb
    from optimizers.ssimulacra2 import SMALLEST_SIDE

    pixels = srgb(image)
    factor = math.ceil(SMALLEST_SIDE / min(image.size))
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1) if factor > 1 else pixels


def _is_transparent(picture: "Pixels") -> bool:
    return picture.shape[2] == 4 and bool(picture[..., 3].min() < 255)


def _over(picture: "Pixels", ground: int) -> "Pixels":
    """The picture in RGB, composed on a grey ground; by rows, as its products take four times its memory."""
    import numpy as np

    if picture.shape[2] == 3:
        return picture
    made = np.empty((*picture.shape[:2], 3), np.uint8)
    rows = max(1, STRIP // picture.shape[1])
    for top in range(0, len(picture), rows):
        strip = picture[top : top + rows]
        alpha = strip[..., 3:].astype(np.uint16)
        made[top : top + rows] = (strip[..., :3] * alpha + np.uint16(ground) * (255 - alpha) + 127) // 255
    return made
