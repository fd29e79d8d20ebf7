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
    from optimizers.tiles import Box

GROUNDS = (230, 26)
"""What shows through transparency: nine tenths and one tenth of white, as the metric's author has it."""
WHOLE = 40_000_000
"""Pixels past which a picture is sampled even where all of it is asked for."""
KEPT = 1_500_000
"""Pixels of an original up to which its half of the work is kept for the next candidate."""


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

    def score(self, candidate: bytes, decoder: str) -> float:
        from optimizers.displayed import frames

        worst = 100.0
        for index, (count, image) in enumerate(frames(candidate, decoder)):
            if count != self.count:
                raise UnprocessableImage(f"{self.count} frames became {count}: there is no score")
            worst = min(worst, self.frames[index].score(image))
        return worst


class _Frame:
    """A frame of the original: its tiles, and a judge for each ground that they need."""

    def __init__(self, image: "Image", budget: int, kept: int) -> None:
        from optimizers.tiles import boxes

        self._size = image.size
        self._kept = kept
        self._boxes = boxes(image, budget)
        self._tiles = _tiles(image, self._boxes)
        self._judges: dict[int, Judge] = {}

    @property
    def pixels(self) -> int:
        count, height, width, _ = self._tiles.shape
        return int(count * height * width)

    def score(self, image: "Image") -> float:
        """The score of a candidate's frame. Raises UnprocessableImage if it has another size."""
        if image.size != self._size:
            raise UnprocessableImage("{}×{} became {}×{}: there is no score".format(*self._size, *image.size))
        tiles = _tiles(image, self._boxes)
        grounds = GROUNDS if _is_transparent(tiles) or _is_transparent(self._tiles) else GROUNDS[:1]
        return min(self._judge(ground).score(_over(tiles, ground)) for ground in grounds)

    def _judge(self, ground: int) -> "Judge":
        from optimizers.ssimulacra2 import Judge

        if not _is_transparent(self._tiles):
            ground = GROUNDS[0]  # it looks the same on all
        if ground not in self._judges:
            whole = self._boxes == [(0, 0, *self._size)]
            keep = self.pixels <= self._kept
            self._judges[ground] = Judge(_over(self._tiles, ground), whole=whole, keep=keep)
        return self._judges[ground]


_last: _Original | None = None


def _known(original: bytes, decoder: str, budget: int) -> _Original:
    """Decoded and looked at once: a search asks again with its next candidates."""
    global _last
    key = (hashlib.sha256(original).digest(), decoder, budget)
    if _last is not None and _last.key == key:
        return _last
    _last = None  # first, so that there is never more than one in memory
    known = _decoded(original, decoder, key)
    if sum(frame.pixels for frame in known.frames) <= KEPT:
        _last = known
    return known


def _decoded(original: bytes, decoder: str, key: tuple[bytes, str, int]) -> _Original:
    from optimizers.displayed import FRAMES, frames

    found: list[_Frame] = []
    for count, image in frames(original, decoder):
        share = min(count, FRAMES)
        found.append(_Frame(image, key[2] // share, KEPT // share))
    return _Original(key, count, found)


def _tiles(image: "Image", boxes: "Sequence[Box]") -> "Pixels":
    """Count, height, width and RGB or RGBA. What is smaller than the metric's window is enlarged."""
    import numpy as np

    from optimizers.displayed import srgb
    from optimizers.ssimulacra2 import SMALLEST_SIDE

    whole = boxes == [(0, 0, *image.size)]
    tiles = np.stack([srgb(image if whole else image.crop(box)) for box in boxes])
    factor = math.ceil(SMALLEST_SIDE / min(tiles.shape[1:3]))
    return tiles.repeat(factor, axis=1).repeat(factor, axis=2) if factor > 1 else tiles


def _is_transparent(tiles: "Pixels") -> bool:
    return tiles.shape[3] == 4 and bool(tiles[..., 3].min() < 255)


def _over(tiles: "Pixels", ground: int) -> "Pixels":
    """The tiles in RGB, composed on a grey ground."""
    import numpy as np

    if tiles.shape[3] == 3:
        return tiles
    alpha = tiles[..., 3:].astype(np.uint16)
    over = (tiles[..., :3] * alpha + np.uint16(ground) * (255 - alpha) + 127) // 255
    return over.astype(np.uint8)
