"""`estimate`: what `optimize` would leave of each file."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from commands.batch import each, progress
from commands.exits import Exit
from commands.files import Picture, find, read
from commands.show import json_line, percent, size, table, warn
from commands.wishes import policy_of
from commands.workbench import settings, workbench
from estimation.estimator import Estimator
from estimation.heuristics import Estimate
from exceptions import PareError
from optimizers.policy import Policy

COLUMNS = ("file", "before>", "after>", "saved>", "between>", "by")


async def estimate(
    named: Sequence[Path], options: Mapping[str, str | None], *, recursive: bool, jobs: int | None, json: bool
) -> Exit:
    """A row or a line of JSON for each file, and the sum. Raises Wrong before any work."""
    known = settings()
    jobs = jobs or known.compression_semaphore_size
    policy = policy_of(options, known.default_quality)
    found = find(named, recursive=recursive)
    estimates: list[tuple[Path, Estimate]] = []
    failed = 0
    async with workbench(known, jobs) as machinery:

        async def work(picture: Picture) -> tuple[Path, Estimate | str]:
            return picture.path, await _estimated(picture.path, machinery.estimator, policy, known.max_file_size)

        with progress(len(found.pictures)) as bar:
            async with aclosing(each(found.pictures, work, jobs)) as results:
                async for path, result in results:
                    bar.advance(bar.task_ids[0])
                    if isinstance(result, Estimate):
                        estimates.append((path, result))
                    else:
                        failed += 1
                        warn(f"{path}: {result}")
                    if json:
                        json_line(_document(path, result))
    _end(estimates, failed, found.others, json=json)
    return Exit.FAILED if failed else Exit.OK


async def _estimated(path: Path, estimator: Estimator, policy: Policy, most: int) -> Estimate | str:
    """The estimate, or why there is none."""
    try:
        _, data = await asyncio.to_thread(read, path, most)
        return await estimator.of_file(data, policy)
    except PareError as error:
        return error.detail
    except OSError as error:
        return error.strerror or str(error)


def _end(estimates: Sequence[tuple[Path, Estimate]], failed: int, skipped: int, *, json: bool) -> None:
    before = sum(found.original_size for _, found in estimates)
    after = round(sum(found.expected.size for _, found in estimates))
    if json:
        counts = {"estimated": len(estimates), "failed": failed, "skipped": skipped}
        json_line({"total": {**counts, "original_size": before, "estimated_size": after}})
        return
    others = f", {failed} failed" * bool(failed) + f", {skipped} no images" * bool(skipped)
    foot = ("total", size(before), size(after), percent(before, after), "", f"{len(estimates)} estimated{others}")
    table(COLUMNS, sorted(_row(path, found) for path, found in estimates), foot)


def _row(path: Path, found: Estimate) -> tuple[str, ...]:
    low, high = found.interval
    sizes = (size(found.original_size), size(found.expected.size))
    return (str(path), *sizes, f"{found.reduction:.1f} %", f"{low:.0f}–{high:.0f} %", found.expected.method)


def _document(path: Path, found: Estimate | str) -> dict[str, Any]:
    if isinstance(found, str):
        return {"file": str(path), "detail": found}
    from routers.estimate import told  # FastAPI comes with it, which takes longer than all else here

    return {"file": str(path), **told(found)}
