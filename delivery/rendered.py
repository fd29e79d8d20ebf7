"""What was made of an original, and how it becomes bytes that a cache keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import msgpack

from optimizers.base import FormatSpec
from optimizers.outcome import Outcome, Reason


@dataclass(frozen=True, slots=True)
class Rendered:
    """One variant of an original, as it is answered."""

    data: bytes
    made: str
    """Its format's name."""
    original_format: str
    original_size: int
    """Bytes."""
    width: int
    height: int
    method: str
    reason: str
    quality: int | None
    score: float | None
    repeatable: bool = True
    """Whether another try would give the same."""
    spans: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds that this call spent."""

    @classmethod
    def of(cls, outcome: Outcome) -> "Rendered":
        """What came out of the engine."""
        width, height = outcome.before.displayed_size
        return cls(
            outcome.data,
            outcome.made.name,
            outcome.spec.name,
            len(outcome.source.data),
            width,
            height,
            outcome.method,
            outcome.reason.value,
            outcome.quality,
            outcome.score,
            outcome.repeatable and outcome.reason is not Reason.TIME_LIMIT,
            outcome.spans,
        )

    def packed(self) -> bytes | None:
        """As a cache keeps it; None for one that another try could better."""
        if not self.repeatable:
            return None
        data: bytes = msgpack.packb({name: getattr(self, name) for name in KEPT})
        return data


KEPT = tuple(each.name for each in fields(Rendered) if each.name not in ("repeatable", "spans"))


def unpacked(data: bytes, specs: Mapping[str, FormatSpec]) -> Rendered:
    """What was packed. Raises ValueError for anything else."""
    try:
        found: dict[str, Any] = msgpack.unpackb(data)
        rendered = Rendered(**found)
        if rendered.made not in specs or not isinstance(rendered.data, bytes):
            raise ValueError("of no format that is known")
    except (TypeError, KeyError, msgpack.UnpackException) as error:
        raise ValueError("no image") from error
    return rendered
