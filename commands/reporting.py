"""What `optimize` says of each file and of all together."""

from dataclasses import dataclass, field
from typing import Any

from commands.optimizing import Result, Status, Total
from commands.show import json_line, percent, size, table

COLUMNS = ("file", "before>", "after>", "saved>", "score>", "what", "result")
WORDS = {
    Status.WRITTEN: "",
    Status.WOULD_BE_WRITTEN: "would be written: ",
    Status.KEPT: "kept",
    Status.FAILED: "failed: ",
}


class Lines:
    """One line of JSON for each file as it is done, and one for the sum."""

    def add(self, result: Result) -> None:
        """One file."""
        json_line(_document(result))

    def end(self, total: Total) -> None:
        """All files."""
        counts = {status.value: count for status, count in total.files.items()}
        sizes = {"original_size": total.before, "optimized_size": total.after}
        json_line({"total": {**counts, "skipped": total.skipped, "unreached": total.unreached, **sizes}})


@dataclass
class Rows:
    """One table in the end."""

    _rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """One file."""
        self._rows.append((str(result.path), *_figures(result), _words(result)))

    def end(self, total: Total) -> None:
        """All files, in the order of their names."""
        counts = [f"{count} {status.value.replace('_', ' ')}" for status, count in total.files.items() if count]
        skipped = [f"{total.skipped} no images"] if total.skipped else []
        saved = percent(total.before, total.after)
        foot = ("total", size(total.before), size(total.after), saved, "", "", ", ".join([*counts, *skipped]))
        table(COLUMNS, sorted(self._rows), foot)


def _figures(result: Result) -> tuple[str, ...]:
    outcome = result.outcome
    if outcome is None:
        return (size(result.before) if result.before else "", "", "", "", "")
    score = "" if outcome.score is None else f"{outcome.score:.1f}"
    why = outcome.method if outcome.reason == "optimized" else outcome.reason.value
    return size(result.before), size(result.after), percent(result.before, result.after), score, why


def _words(result: Result) -> str:
    return f"{WORDS[result.status]}{result.target or result.detail}"


def _document(result: Result) -> dict[str, Any]:
    document: dict[str, Any] = {"file": str(result.path), "status": result.status.value}
    if result.target:
        document["output"] = str(result.target)
    if result.detail:
        document["detail"] = result.detail
    if result.outcome:
        from routers.answers import receipt  # FastAPI comes with it, which takes longer than all else here
        from schemas import to_json

        document |= to_json(receipt(result.outcome).model_copy(update={"image": None}))
    return document
