"""What the defaults have to reach (floor) and are meant to reach (aim): `quality` 80, `effort` balanced."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """Least percent saved, of all bytes and in the mean over files, and least scores; None where nothing is asked."""

    bytes: float
    mean: float
    score_mean: float | None = None
    score_worst: float | None = None


FLOORS = {
    "jpeg": Bar(60, 45, score_worst=60),
    "png": Bar(67, 61, score_mean=80),
    "webp": Bar(25, 28),
    "gif": Bar(40, 25, score_mean=80, score_worst=60),
    "svg": Bar(22, 18, score_worst=90),
}
AIMS = {
    "jpeg": Bar(65, 50, score_worst=70),
    "png": Bar(72, 66, score_mean=82),
    "webp": Bar(29, 33),
    "gif": Bar(48, 35, score_mean=80, score_worst=60),
    "svg": Bar(34, 30, score_worst=90),
    "tiff": Bar(35, 0),
}
CPU = (1.10, 1.03)
"""CPU of the service over that of the same tools run bare; floor and aim, as below."""
ADDED_MS = (15.0, None)
"""Wall time the service adds to the tools for a JPEG of about 100 kB."""
RATE = (0.90, 0.97)
"""Images/s over the bare tools' at 2 to 8 connections."""
P99 = (4.5, 4.0)
"""p99 at 8 connections over p99 at 2."""
MEMORY = (450, 300)
"""Peak MB at 8 connections, service and tools."""
REACHED = (99.0, None)
"""Percent of auto's searched answers that reach their score by the reference program."""
OVERSHOOT = (1.5, None)
"""Points above it in the mean."""
AUTO_RATIO = (None, 0.75)
"""Bytes of auto over those of the one fixed quality at which nine of ten images reach the score."""
AUTO_CPU = (2.0, None)
"""Median over the images of auto's encoding CPU over that at a fixed quality."""
EQUAL = {("jpeg", "MozJPEG"): (0.93, 0.88), ("png", "pngquant + oxipng"): (0.92, 0.86)}
"""Bytes at equal score over those of the bare tool."""
