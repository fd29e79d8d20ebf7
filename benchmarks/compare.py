"""Hold a result against its original: what of the picture changed, and by how much."""

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.files import format_of
from benchmarks.pictures import Picture, Undecodable, look_at
from benchmarks.reference import score

BROKEN_SCORE = 50.0
DRAWINGS = ("svg", "svgz")


@dataclass(frozen=True, slots=True)
class Check:
    """What to hold a result to."""

    score: bool = True
    max_mpx: float | None = None
    exact: bool = False
    """The pixels have to be the same."""
    clean: bool = True
    """Private metadata has to be gone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`score` is that of the worst sampled frame, None where it was not asked for or could not be taken."""

    score: float | None
    exact: bool
    defects: tuple[str, ...]


def compare(original: bytes, result: bytes, check: Check = Check()) -> Verdict:
    """Judge the result; an original that this machine cannot decode is held against the result's bytes alone."""
    try:
        before = look_at(original)
    except Undecodable:
        return Verdict(None, original == result, ())
    try:
        after = look_at(result)
    except Undecodable as error:
        return Verdict(None, False, (f"undecodable: {error}",))
    exact = before.digests == after.digests
    value = _worst(before, after, check.max_mpx) if check.score else None
    defects = [*_changes(before, after), *_faults(after, exact, value, check)]
    if format_of(original) != format_of(result):
        defects.append(f"format {format_of(original)} → {format_of(result)}")
    return Verdict(value, exact, tuple(defects))


def _worst(before: Picture, after: Picture, max_mpx: float | None) -> float | None:
    if before.size != after.size:
        return None
    both = before.shown.keys() & after.shown.keys()
    return min(score(before.shown[index], after.shown[index], max_mpx) for index in both)


def _changes(before: Picture, after: Picture) -> Iterator[str]:
    """What must be equal and is not."""
    if before.size != after.size:
        yield f"size {before.size} → {after.size}"
    if len(before.digests) != len(after.digests):
        yield f"frames {len(before.digests)} → {len(after.digests)}"
    elif before.durations != after.durations:
        yield "frame times"
    if before.loop != after.loop:
        yield f"loop {before.loop} → {after.loop}"
    if before.colour != after.colour:
        yield "colour profile"


def _faults(after: Picture, exact: bool, value: float | None, check: Check) -> Iterator[str]:
    """What must not be and is."""
    if check.exact and not exact:
        yield "pixels changed"
    if check.clean and after.private:
        yield f"still has {', '.join(after.private)}"
    if value is not None and value < BROKEN_SCORE:
        yield f"score {value:.1f}"
