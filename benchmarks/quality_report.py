"""What the quality benchmark prints: three tables, and where the figures stand."""

from collections.abc import Sequence

from benchmarks.equal import Equal
from benchmarks.floors import AUTO_CPU, AUTO_RATIO, EQUAL, OVERSHOOT, REACHED
from benchmarks.promise import CONTINUOUS, Promise, Spent
from benchmarks.study import TO
from benchmarks.table import markdown, number, verdict

NAMES = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "gif": "GIF", "avif": "AVIF"}


def name(group: str) -> str:
    """How a group is called in print."""
    bare = group.removeprefix(TO)
    return group.removesuffix(bare) + NAMES.get(bare, bare)


def report(promises: Sequence[Promise], costs: Sequence[Spent], equals: Sequence[Equal]) -> str:
    """Three tables, and where the figures stand."""
    promise_head = ["auto", "target", "images", "searched", "reached %", "within 0.5 %", "worst", "overshoot",
                    "fixed quality for 90 %", "bytes of it"]  # fmt: skip
    cost_head = ["auto", "target", "images", "trials: whole", "part", "encode CPU s", "fixed", "median ratio",
                 "score CPU s"]  # fmt: skip
    equal_head = ["Pare's default beside", "settings", "compared", "bytes at equal score", "smaller"]
    return "\n\n".join(
        [
            markdown(promise_head, [_promise_line(one) for one in promises]),
            markdown(cost_head, [_cost_line(one) for one in costs]),
            markdown(equal_head, [_equal_line(one) for one in equals]),
            markdown(["what", "here", "floor", "aim", "reached"], _verdicts(promises, costs, equals)),
        ]
    )


def _promise_line(one: Promise) -> list[str]:
    shares = [number(None if share is None else 100 * share) for share in (one.reached, one.nearly)]
    quality = str(one.fixed_quality or "-")
    counts = [str(one.images), str(one.searched)]
    return [name(one.format), f"{one.target:g}", *counts, *shares, number(one.worst, 2), number(one.overshoot, 2),
            quality, number(one.ratio, 3)]  # fmt: skip


def _cost_line(one: Spent) -> list[str]:
    figures = [number(one.wholes), number(one.parts), number(one.encode, 2), number(one.fixed, 2)]
    return [name(one.format), f"{one.target:g}", str(one.images), *figures, number(one.ratio, 2),
            number(one.score, 2)]  # fmt: skip


def _equal_line(one: Equal) -> list[str]:
    compared = f"{one.compared} of {one.images}"
    return [f"{name(one.format)}: {one.tool}", f"`{one.settings}`", compared, number(one.ratio, 3), str(one.smaller)]


def _verdicts(promises: Sequence[Promise], costs: Sequence[Spent], equals: Sequence[Equal]) -> list[list[str]]:
    """Every bar with the figure of all that it is about."""
    even = [one for one in promises if one.format.removeprefix(TO) in CONTINUOUS]
    count = sum(one.searched for one in even)
    reached = sum((one.reached or 0) * one.searched for one in even) / count if count else None
    overshoot = sum((one.overshoot or 0) * one.searched for one in even) / count if count else None
    fixed = [one for one in even if one.fixed_size]
    size = sum(one.size for one in fixed) / sum(one.fixed_size or 0 for one in fixed) if fixed else None
    ratio = max((one.ratio for one in costs if one.format == "all" and one.ratio), default=None)
    lines = [
        ("auto reaches its score, %", None if reached is None else 100 * reached, REACHED, 1, False),
        ("auto's overshoot, points", overshoot, OVERSHOOT, 2, True),
        ("auto's bytes over the fixed quality's", size, AUTO_RATIO, 3, True),
        ("auto's encoding CPU over the fixed quality's", ratio, AUTO_CPU, 2, True),
    ]
    for one in equals:
        if bars := EQUAL.get((one.format, one.tool)):
            lines.append((f"{name(one.format)} bytes at equal score", one.ratio, bars, 3, True))
    return [
        [what, number(value, digits), str(floor or "-"), str(aim or "-"), verdict(value, floor, aim, most=most)]
        for what, value, (floor, aim), digits, most in lines
    ]
