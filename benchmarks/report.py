"""What the corpus benchmark prints and writes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from benchmarks.bare import BARE
from benchmarks.floors import AIMS, FLOORS, Bar
from benchmarks.rows import Row, Summary, summary
from benchmarks.table import markdown, number, verdict


def report(rows: Sequence[Row], beside: Sequence[Row] = (), *, verbose: bool = False) -> str:
    """Everything as Markdown: a line for each format, floors, reasons, and whatever is wrong by name."""
    parts = [_summaries(rows, beside), _floors(rows), _reasons(rows)]
    if verbose:
        parts.append(_files(rows))
    parts += [f"**{row.file}**: {wrong}" for row in rows if (wrong := "; ".join(faults(row)))]
    return "\n\n".join(part for part in parts if part)


def faults(row: Row) -> Iterator[str]:
    """What is wrong with one row, in words."""
    if not row.answered:
        yield f"answered {row.status}: {row.reason}"
    if row.grew:
        yield f"grew {row.before} → {row.after} bytes ({row.reason}, {row.method})"
    yield from row.defects


def _by_format(rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.format, []).append(row)
    return groups


def _summaries(rows: Sequence[Row], beside: Sequence[Row]) -> str:
    bare = _by_format(beside)
    lines = []
    for format, group in _by_format(rows).items():
        lines.append(_summary_line(summary(format, group)))
        if format in bare:
            lines.append(_summary_line(summary(f"- {BARE[format].label}", bare[format])))
    head = [
        "format",
        "n",
        "saved % bytes / mean",
        "grew",
        "score mean / worst",
        "exact",
        "broke",
        "failed",
        "worst file",
    ]
    return markdown(head, lines)


def _summary_line(found: Summary) -> list[str]:
    saved = f"{number(found.saved_bytes)} / {number(found.saved_mean)}"
    score = f"{number(found.score_mean)} / {number(found.score_worst)}"
    counts = [str(count) for count in (found.exact, found.broke, found.failed)]
    return [found.name, str(found.n), saved, str(found.grew), score, *counts, found.worst_file]


def _floors(rows: Sequence[Row]) -> str:
    lines: list[list[str]] = []
    for format, group in _by_format(rows).items():
        if format in FLOORS or format in AIMS:
            lines += _floor_lines(summary(format, group), FLOORS.get(format), AIMS.get(format))
    return markdown(["what", "here", "floor", "aim", "reached"], lines) if lines else ""


def _floor_lines(found: Summary, floor: Bar | None, aim: Bar | None) -> Iterator[list[str]]:
    measured = {"bytes": found.saved_bytes, "mean": found.saved_mean}
    measured |= {"score_mean": found.score_mean, "score_worst": found.score_worst}
    names = ("saved % of bytes", "saved % mean", "score mean", "score worst")
    for (field, value), name in zip(measured.items(), names, strict=True):
        least, meant = getattr(floor, field, None), getattr(aim, field, None)
        if least is not None or meant is not None:
            reached = verdict(value, least, meant)
            yield [f"{found.name}: {name}", number(value), number(least, 0), number(meant, 0), reached]


def _reasons(rows: Sequence[Row]) -> str:
    counts = Counter(row.reason for row in rows if row.answered)
    return "Reasons: " + ", ".join(f"{reason or 'none given'} {count}" for reason, count in counts.most_common())


def _files(rows: Sequence[Row]) -> str:
    lines = [
        [row.file, str(row.before), str(row.after), number(row.saved), number(row.score), row.reason, row.method,
         number(row.seconds, 2)]
        for row in rows if row.answered
    ]  # fmt: skip
    return markdown(["file", "before", "after", "saved %", "score", "reason", "method", "s"], lines)


def document(rows: Sequence[Row], beside: Sequence[Row], options: dict[str, str]) -> dict[str, object]:
    """Everything measured, for a later comparison."""
    formats = {format: asdict(summary(format, group)) for format, group in _by_format(rows).items()}
    return {
        "options": options,
        "formats": formats,
        "files": [asdict(row) for row in rows],
        "beside": [asdict(row) for row in beside],
    }
