"""SSIMULACRA2 of 8-bit sRGB pictures: 100 the same, 90 not to be told apart, 80 very high, 70 high, 50 medium.

Defined by Jon Sneyers (Cloudinary), version of April 2023. Weights and constants are those of the reference program,
`tools/ssimulacra2.cc` and `lib/cms/opsin_params.h` of Google's jpegli. What is too light there to move a score is left
out: most of the full-size planes are. Imported in the isolated workers alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from optimizers.gaussian import HALO, Plane, exact, rounded

Pixels = npt.NDArray[np.uint8]
"""Height, width and three channels of sRGB."""
Level = npt.NDArray[Any]
"""The same in 8-bit sRGB or in linear light."""

Box = tuple[int, int, int, int]

SMALLEST_SIDE = 8
"""Below it there is no score."""
SCALES = 6
WEIGHTS = (
    (0, 0.000737660671, 0, 0, 0.000779348168, 0),  # X 1:1
    (0, 0.000437115573, 0, 1.10417264, 0.000662848341, 0.000152316328),  # X 1:2
    (0, 0.00164064375, 0, 1.84224555, 11.4411726, 0),  # X 1:4
    (0.000798910944, 0.000176816438, 0, 1.8787595, 10.9490699, 0),  # X 1:8
    (0.000728934699, 0.967793708, 0, 0.000140034243, 0.998176698, 0.000319497559),  # X 1:16
    (0.000455099211, 0, 0, 0.00136487662, 0, 0),  # X 1:32
    (0, 0, 0, 7.46689033, 0, 17.445834),  # Y 1:1
    (0.000623560163, 0, 0, 6.68367815, 0.00037724408, 1.02788994),  # Y 1:2
    (225.205153, 0, 0, 19.2132382, 0.00114015246, 0.00123775564),  # Y 1:4
    (176.393176, 0, 0, 24.43301, 0.285208026, 0.000448543692),  # Y 1:8
    (0, 0, 0, 34.7790634, 44.8356253, 0),  # Y 1:16
    (0, 0, 0, 0, 0, 0),  # Y 1:32
    (0, 0.000868055657, 0, 0, 0, 0),  # B 1:1
    (0, 0.000531319187, 0, 0.000165338142, 0, 0),  # B 1:2
    (0, 0, 0, 0.00041791718, 0.00172908282, 0),  # B 1:4
    (0.00208270058, 0, 0, 8.82698276, 23.1924334, 0),  # B 1:8
    (95.1080499, 0.986397803, 0.983438279, 0.0012286405, 171.266726, 0.980785887),  # B 1:16
    (0, 0, 0, 0.000513006459, 0, 0.000108540579),  # B 1:32
)
"""For each channel and scale, of the mean (3) and the 4-norm (3): lost structure, new edges, lost edges."""
NEGLIGIBLE = 0.003
STABILIZER = 0.0009
BIAS = 0.0037930732552754493
CONES = np.array(
    [
        [0.3, 0.622, 0.078, BIAS],
        [0.23, 0.692, 0.078, BIAS],
        [0.24342268924547819, 0.20476744424496821, 0.55180986650955360, BIAS],
    ],
    np.float32,
)
OPPONENTS = np.array([[7, -7, 0, 0.42], [0.5, 0.5, 0, 0.01 - np.cbrt(BIAS)], [-0.5, -0.5, 1, 0.55]], np.float32)
"""From the cones' cube roots to X, Y and B - Y, each within 0 and 1."""
LINEAR = np.array(
    [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in np.arange(256) / 255], np.float32
)
"""The light of each sRGB value."""
STRIP = 1 << 18
"""Pixels worked on at a time: a bound for memory."""
NARROWEST = 256

cv2.setNumThreads(1)


@dataclass(frozen=True, slots=True)
class _Part:
    """Equally large pieces of one level in the channels that weigh something there, with what lies around them."""

    scale: int
    channels: npt.NDArray[np.intp]
    planes: Plane
    rows: slice
    columns: slice


@dataclass(frozen=True, slots=True)
class _Original:
    """What of a part's errors the original alone decides."""

    planes: Plane
    mean: Plane
    variance: Plane
    edges: Plane


class Judge:
    """Scores pictures against an original.

    Where `boxes` are given (left, top, right, bottom; one size), the scales before `coarse` are judged by them alone.
    """

    def __init__(self, picture: Pixels, boxes: Sequence[Box], coarse: int, *, keep: bool) -> None:
        """Remember the original's half of the work, about 30 bytes for each pixel, where told to `keep` it."""
        self._boxes = boxes
        self._coarse = coarse if boxes else 0
        self._pyramid = _pyramid(picture, self._coarse)
        self._weights = _weights(len(self._pyramid))
        self._kept = list(self._originals()) if keep else None
        if keep:
            self._pyramid = []

    def score(self, picture: Pixels) -> float:
        """The score of another picture of the same size."""
        errors = np.zeros_like(self._weights)
        pixels = np.zeros(self._weights.shape[1])
        originals = self._originals() if self._kept is None else self._kept
        for original, part in zip(originals, self._parts(_pyramid(picture, self._coarse)), strict=True):
            errors[part.channels, part.scale] += self._errors(original, part)
            pixels[part.scale] += original.mean.size / len(part.channels)
        means = errors / np.maximum(1, pixels)[:, None, None]
        means[:, :, 1] **= 0.25
        return _scaled(float((self._weights * means).sum()))

    def _parts(self, pyramid: Sequence[Level]) -> Iterator[_Part]:
        """All that weighs something, in one order for all pictures of a size."""
        for scale, level in enumerate(pyramid):
            channels = np.flatnonzero(self._weights[:, scale].any(axis=(1, 2)))
            if not len(channels):
                continue
            if scale < self._coarse:
                yield from _tiles(scale, level, channels, self._boxes)
            else:
                yield from _strips(scale, level, channels)

    def _originals(self) -> Iterator[_Original]:
        for part in self._parts(self._pyramid):
            planes = part.planes
            mean, square = _blurred(part, planes, planes * planes)
            edges = 1 + np.abs(planes[:, part.rows, part.columns] - mean)
            yield _Original(planes, mean, square - mean * mean, edges)

    def _errors(self, original: _Original, part: _Part) -> npt.NDArray[np.float64]:
        """For each channel the sums of three maps of errors, and of their fourth powers."""
        planes = part.planes
        mean, square, product = _blurred(part, planes, planes * planes, planes * original.planes)
        covariance = product - mean * original.mean
        variances = (square - mean * mean) + original.variance
        shift = mean - original.mean
        structure = 1 - (1 - shift * shift) * (2 * covariance + STABILIZER) / (variances + STABILIZER)
        edges = (1 + np.abs(planes[:, part.rows, part.columns] - mean)) / original.edges - 1
        sums = [_norms(errors, len(part.channels)) for errors in (structure, edges, -edges)]
        return np.array(sums).transpose(2, 1, 0)


def _tiles(scale: int, picture: Level, channels: npt.NDArray[np.intp], boxes: Sequence[Box]) -> Iterator[_Part]:
    """The boxes of a scale, cut out of the picture itself; a strip's worth at a time."""
    left, top, right, bottom = boxes[0]
    batch = max(1, (STRIP << 2 * scale) // ((right - left) * (bottom - top)))
    inner = slice(HALO, -HALO)
    for first in range(0, len(boxes), batch):
        cut = [_cut(picture, box, scale, channels) for box in boxes[first : first + batch]]
        planes = np.stack(cut, axis=1)
        yield _Part(scale, channels, planes.reshape(-1, *planes.shape[2:]), inner, inner)


def _strips(scale: int, level: Level, channels: npt.NDArray[np.intp]) -> Iterator[_Part]:
    """All of a level, by columns."""
    for left, right in _columns(level):
        first = max(0, left - HALO)
        planes = _planes(level[:, first : right + HALO], channels)
        yield _Part(scale, channels, planes, slice(None), slice(left - first, right - first))


def _cut(picture: Level, box: Box, scale: int, channels: npt.NDArray[np.intp]) -> Plane:
    """The channels of a box and of what is around it: zero, like the reference, where that is beyond the picture."""
    left, top, right, bottom = box
    reach = HALO << scale
    first = max(0, left - reach), max(0, top - reach)
    around = picture[first[1] : bottom + reach, first[0] : right + reach]
    planes = _planes(_halved(around, scale), channels)
    before = first[0] - left + reach >> scale, first[1] - top + reach >> scale
    wide, high = (right - left >> scale) + 2 * HALO, (bottom - top >> scale) + 2 * HALO
    after = wide - before[0] - planes.shape[2], high - before[1] - planes.shape[1]
    return np.pad(planes, ((0, 0), (before[1], after[1]), (before[0], after[0])))


def _planes(pixels: Level, channels: npt.NDArray[np.intp]) -> Plane:
    opponents = _opponents(np.ascontiguousarray(pixels))
    return np.stack([cv2.extractChannel(opponents, int(channel)) for channel in channels])


def _blurred(part: _Part, *planes: Plane) -> list[Plane]:
    blur = rounded if part.scale else exact
    return np.split(blur(np.concatenate(planes))[:, part.rows, part.columns], len(planes))


def _norms(errors: Plane, channels: int) -> tuple[list[float], list[float]]:
    """By channel, the sum of what is above zero, and of its fourth power."""
    flat = np.maximum(errors, 0).reshape(channels, -1)
    sums = [cv2.norm(channel, cv2.NORM_L1) for channel in flat]
    return sums, [cv2.norm(channel * channel, cv2.NORM_L2SQR) for channel in flat]


def _weights(scales: int) -> npt.NDArray[np.float64]:
    """By channel, scale, norm and map. Pictures too small for every scale get the first of them: so the reference."""
    weights = np.array(WEIGHTS).ravel()[: 3 * scales * 6].reshape(3, scales, 2, 3)
    return np.where(weights < NEGLIGIBLE, 0, weights)


def _scaled(errors: float) -> float:
    """The sum of weighted errors on the scale of what people said."""
    errors *= 0.9562382616834844
    errors = 2.326765642916932 * errors - 0.020884521182843837 * errors**2 + 6.248496625763138e-05 * errors**3
    return 100 - 10 * float(max(errors, 0) ** 0.6276336467831387)


def _pyramid(picture: Pixels, coarse: int) -> list[Level]:
    """The picture, then its halves in linear light; a level under SMALLEST_SIDE has none.

    Below the scale `coarse` the picture stands for them: tiles halve what they need of it.
    """
    levels: list[Level] = [picture]
    sides = list(picture.shape[:2])
    while (scale := len(levels)) < SCALES and min(sides) >= SMALLEST_SIDE:
        sides = [(side + 1) // 2 for side in sides]
        if scale < coarse:
            levels.append(picture)
        else:
            levels.append(_halved(levels[-1], scale if scale == coarse else 1))
    return levels


def _halved(level: Level, times: int) -> Level:
    """Half as large so many times, by columns; at most 6 times."""
    columns: list[Level] = []
    for left, right in _columns(level):
        columns.append(level[:, left:right])
        for _ in range(times):
            columns[-1] = _half(columns[-1])
    return np.hstack(columns)


def _half(level: Level) -> Plane:
    linear = _linear(np.ascontiguousarray(level))
    height, width, _ = linear.shape
    if height % 2 or width % 2:
        linear = np.pad(linear, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    size = (linear.shape[1] // 2, linear.shape[0] // 2)
    return np.asarray(cv2.resize(linear, size, interpolation=cv2.INTER_AREA))


def _columns(level: Level) -> Iterator[tuple[int, int]]:
    """Where strips begin and end; all but the last have a width that can be halved at every scale."""
    height, width, _ = level.shape
    wide = max(NARROWEST, STRIP // height & -(1 << SCALES))
    for left in range(0, width, wide):
        yield left, min(left + wide, width)


def _linear(pixels: Level) -> Plane:
    return np.asarray(cv2.LUT(pixels, LINEAR) if pixels.dtype == np.uint8 else pixels)


def _opponents(pixels: Level) -> Plane:
    cones = cv2.pow(cv2.transform(_linear(pixels), CONES), 1 / 3)
    return np.asarray(cv2.transform(cones, OPPONENTS))
