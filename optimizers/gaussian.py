"""The blur of the perceptual score: a Gaussian of sigma 1.5 as a sum of three cut-off cosines (Charalampidis 2016).

The reference program runs it as a recursion in float32, first along the rows in steps of four, then down the columns.
Such a recursion never forgets its rounding errors: they cost large flat pictures up to 4 points, and the weights
were fitted with that loss in them. `rounded` therefore repeats the reference's operations in their order, each for all
rows or columns at once; OpenCV's scaleAdd rounds once, like the reference's fused operations.
"""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]

RADIUS = 5
HALO = RADIUS - 1
"""How far the blur reaches: the cosines are zero at the radius itself."""
LANES = 4
"""Columns that the reference works out at a time."""
FIRST = 8
"""The column from which it does so."""
ANGLES = np.array([1, 3, 5]) * np.pi / (2 * RADIUS)
SHARES = np.array([0.17893914164149127, 0.07272614473619018, 0.012955819110517063])
"""Of the three cosines, for sigma 1.5: equation (53) of the paper."""
KERNEL = (SHARES @ np.cos(np.outer(ANGLES, np.arange(-HALO, HALO + 1)))).astype(np.float32)
GAIN = -SHARES * np.cos(ANGLES * (RADIUS + 1))
ECHO = 2 * np.cos(ANGLES)
"""Equation (33): a cosine's next value is GAIN × input + ECHO × last value - value before it."""
AHEAD = np.stack([ECHO**0, ECHO, ECHO**2 - 1, ECHO**3 - 2 * ECHO, ECHO**4 - 3 * ECHO**2 + 1], axis=1)
"""The same written out: what is left of a value after so many steps."""


def _single(coefficients: npt.NDArray[np.float64]) -> Any:
    """As Python's floats of single precision: what OpenCV takes fastest."""
    return coefficients.astype(np.float32).tolist()


GAINS, ECHOES = _single(GAIN), _single(ECHO)
INPUTS, LASTS, BEFORES = _single(GAIN[:, None] * AHEAD[:, :-1]), _single(AHEAD[:, 1:]), _single(-AHEAD[:, :-1])


def exact(planes: Plane) -> Plane:
    """Blur planes (count, height, width), zero beyond their edges, by the kernel."""
    return np.stack([cv2.sepFilter2D(plane, -1, KERNEL, KERNEL, borderType=cv2.BORDER_CONSTANT) for plane in planes])


def rounded(planes: Plane) -> Plane:
    """The same with the reference's rounding errors."""
    along = _along(_lines(planes.transpose(2, 0, 1)))
    count, height, width = planes.shape
    down = _down(_lines(along.reshape(width, count, height).transpose(2, 1, 0)))
    return down.reshape(height, count, width).transpose(1, 0, 2)


def _lines(planes: Plane) -> Plane:
    """What goes into the recursion at each step from -HALO on: the sums of the lines RADIUS around the last one."""
    lines = planes.reshape(len(planes), 1, -1)
    padded = np.zeros((len(lines) + HALO + 2 * RADIUS, *lines.shape[1:]), np.float32)
    padded[-len(lines) - HALO : -HALO] = lines
    return padded[: -2 * RADIUS] + padded[2 * RADIUS :]


def _down(inputs: Plane) -> Plane:
    out = np.empty((len(inputs) - HALO, *inputs.shape[1:]), np.float32)
    newest, oldest = (list(np.zeros((3, *inputs.shape[1:]), np.float32)) for _ in range(2))
    for step, value in enumerate(inputs):
        # A fused operation adds, never subtracts: so every two steps the values change their sign.
        sign = -1 if step & 2 else 1
        turn = -1 if step & 1 else 1
        for last, before, gain, echo in zip(newest, oldest, GAINS, ECHOES, strict=True):
            cv2.scaleAdd(last, -turn * echo, before, before)
            cv2.scaleAdd(value, sign * gain, before, before)
        newest, oldest = oldest, newest
        if step >= HALO:
            _add_up(newest, out[step - HALO])
            np.multiply(out[step - HALO], sign, out=out[step - HALO])
    return out


def _along(inputs: Plane) -> Plane:
    length = len(inputs) - HALO
    out = np.empty((length, *inputs.shape[1:]), np.float32)
    waves = [list(np.zeros((LANES, *inputs.shape[1:]), np.float32)) for _ in ANGLES]
    step = -HALO
    while step < length:
        if FIRST <= step <= length - HALO - LANES:
            _leap(list(inputs[step + HALO : step + HALO + LANES]), waves)
            for lane in range(LANES):
                _add_up([wave[lane] for wave in waves], out[step + lane])
            step += LANES
        else:
            _walk(inputs[step + HALO], waves)
            if step >= 0:
                _add_up([wave[-1] for wave in waves], out[step])
            step += 1
    return out


def _walk(value: Plane, waves: list[list[Plane]]) -> None:
    """One step: of each wave's values the last two count."""
    for wave, gain, echo in zip(waves, GAINS, ECHOES, strict=True):
        new = value * np.float32(gain) - wave[-2]
        cv2.scaleAdd(wave[-1], echo, new, new)
        wave[:] = [*wave[1:], new]


def _leap(values: list[Plane], waves: list[list[Plane]]) -> None:
    """Four steps at once."""
    for wave, inputs, befores, lasts in zip(waves, INPUTS, BEFORES, LASTS, strict=True):
        new = [values[0] * np.float32(gain) for gain in inputs]
        for lane, value in enumerate(new):
            for earlier in range(1, lane + 1):
                cv2.scaleAdd(values[earlier], inputs[lane - earlier], value, value)
            cv2.scaleAdd(wave[-2], befores[lane], value, value)
            cv2.scaleAdd(wave[-1], lasts[lane], value, value)
        wave[:] = new


def _add_up(waves: list[Plane], out: Plane) -> None:
    np.add(waves[1], waves[2], out=out)
    np.add(out, waves[0], out=out)
