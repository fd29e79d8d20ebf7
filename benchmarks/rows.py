"""One row for each file, one summary for each format."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from benchmarks.compare import Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one file; sizes in bytes, `seconds` of wall time for the request."""

    file: str
    format: str
    before: int
    after: int
    status: int
    reason: str
    method: str
    seconds: float
    score: float | None = None
    exact: bool = False
    defects: tuple[str, ...] = ()

    @property
    def saved(self) -> float:
        """Percent of the file's bytes."""
        return 100 * (1 - self.after / self.before)

    @property
    def answered(self) -> bool:
        """Whether an image came back."""
        return self.status == 200

    @property
    def grew(self) -> bool:
        """Whether the answer is larger than the question."""
        return self.answered and self.after > self.before

    def judged(self, verdict: Verdict) -> "Row":
        """The same row with what the comparison found."""
        return replace(self, score=verdict.score, exact=verdict.exact, defects=verdict.defects)


@dataclass(frozen=True, slots=True)
class Summary:
    """The answered rows of one format; percentages of bytes, scores of SSIMULACRA2."""

    name: str
    n: int
    failed: int
    grew: int
    broke: int
    exact: int
    saved_bytes: float | None
    saved_mean: float | None
    score_mean: float | None
    score_worst: float | None
    worst_file: str


def summary(name: str, rows: Sequence[Row]) -> Summary:
    """Add up the rows of one format."""
    answered = [row for row in rows if row.answered]
    scored = [(row.score, row.file) for row in answered if row.score is not None]
    worst = min(scored, default=(None, "-"))
    before = sum(row.before for row in answered)
    return Summary(
        name=name,
        n=len(rows),
        failed=len(rows) - len(answered),
        grew=sum(row.grew for row in answered),
        broke=sum(bool(row.defects) for row in answered),
        exact=sum(row.exact for row in answered),
        saved_bytes=100 * (1 - sum(row.after for row in answered) / before) if before else None,
        saved_mean=fmean(row.saved for row in answered) if answered else None,
        score_mean=fmean(score for score, _ in scored) if scored else None,
        score_worst=worst[0],
        worst_file=worst[1],
    )
