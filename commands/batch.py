"""Many pieces of work, a few at once, with a progress bar on the terminal."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")
R = TypeVar("R")


async def each(items: Sequence[T], work: Callable[[T], Coroutine[Any, Any, R]], jobs: int) -> AsyncGenerator[R]:
    """Results as they come. What still runs when nobody asks for more is ended."""
    waiting = iter(items)
    running: set[asyncio.Task[R]] = set()
    try:
        while True:
            while len(running) < jobs and (task := _next(waiting, work)):
                running.add(task)
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _next(waiting: Iterator[T], work: Callable[[T], Coroutine[Any, Any, R]]) -> asyncio.Task[R] | None:
    for item in waiting:
        return asyncio.create_task(work(item))
    return None


def progress(total: int) -> Progress:
    """A bar on standard error; none where that is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shared = sys.stdout.isatty()  # only then may what is printed be drawn above the bar: elsewhere it would be lost
    console = Console(stderr=True)
    quiet = not sys.stderr.isatty()
    bar = Progress(*columns, console=console, transient=True, disable=quiet, redirect_stdout=shared)
    bar.add_task("", total=total)
    return bar
