"""`optimize`: every file once, a few at a time."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

from commands.batch import each, progress
from commands.exits import Exit, Wrong
from commands.files import find
from commands.optimizing import Job, Total
from commands.reporting import Lines, Rows
from commands.saving import Saving
from commands.wishes import policy_of
from commands.workbench import settings, workbench


async def optimize(
    named: Sequence[Path],
    options: Mapping[str, str | None],
    saving: Saving,
    *,
    recursive: bool,
    jobs: int | None,
    dry_run: bool,
    json: bool,
) -> Exit:
    """A row or a line of JSON for each file, and the sum. Raises Wrong before any work."""
    known = settings()
    jobs = jobs or known.compression_semaphore_size
    policy = policy_of(options, known.default_quality)
    if saving.in_place and saving.folder:
        raise Wrong("--in-place and --output exclude each other")
    if saving.in_place and policy.targets:
        raise Wrong("--in-place keeps the format: use --output for another one")
    found = find(named, recursive=recursive, leave_out=saving.folder)
    total, shown = Total(skipped=found.others), Lines() if json else Rows()
    async with workbench(known, jobs) as machinery:
        job = Job(machinery.engine, policy, saving, known.max_file_size, dry_run)
        with progress(len(found.pictures)) as bar:
            async with aclosing(each(found.pictures, job.work, jobs)) as results:
                async for result in results:
                    total.add(result)
                    shown.add(result)
                    bar.advance(bar.task_ids[0])
    shown.end(total)
    return total.exit
